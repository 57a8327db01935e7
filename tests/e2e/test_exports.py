"""An export from the button to the file: asked for, told of on all devices, downloaded by its owner alone."""

import asyncio
import io
import json
import socket
import zipfile
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.stack import Stack
from tests.wire import Person, eventually, new_id, read


async def make_export(person: Person) -> dict[str, Any]:
    """Ask for an export and return it once it is there."""
    export = await person.rest("POST", "/users/me/exports", {})
    assert export["state"] == "waiting"

    async def is_ready() -> dict[str, Any] | None:
        [found] = (await person.rest("GET", "/users/me/exports"))["exports"]
        return found if found["state"] == "ready" else None

    return await eventually(is_ready)


async def fetch(person: Person, export_id: str, token: str | None = None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token or person.token}"}
    return await person.http.get(f"{person.url}/files/exports/{export_id}", headers=headers)


def list_documents(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


async def test_an_export_is_told_of_and_downloaded(stack: Stack, anna: Person, bert: Person):
    room_id = await anna.create_room(members=(bert,))
    dm = await anna.rest("POST", "/dms", {"user_ids": [bert.id]})
    await bert.send(room_id, "what bert says is his")
    mine = await anna.send(room_id, "what anna says is hers")
    await anna.send(dm["id"], "only for bert")
    async with anna.socket() as phone, anna.socket(stack.gateway_urls[1]) as laptop, bert.socket() as other:
        export = await make_export(anna)
        for device in (phone, laptop):
            told = await device.wait_for_event("export.ready", id=export["id"])
            assert told == {"ev": "export.ready", "d": export}
        await anna.send(room_id, "after that")
        await other.wait_for_event("message.created", room_id=room_id, text="after that")
        assert not [frame for frame in other.frames if frame["ev"] == "export.ready"]
    response = await fetch(anna, export["id"])
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(response.content) == export["size_bytes"]
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"].startswith('attachment; filename="chatcraft-')
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    documents = list_documents(response.content)
    head = await anna.http.head(response.request.url, headers={"Authorization": f"Bearer {anna.token}"})
    assert (head.headers["content-length"], head.content) == (response.headers["content-length"], b"")
    texts = [each["text"] for name, page in documents.items() if name.startswith("messages/")
             for each in page.get("messages", [])]  # fmt: skip
    assert sorted(texts) == ["only for bert", "what anna says is hers"]
    assert documents[f"messages/{room_id}/0001.json"]["messages"][0]["id"] == mine["id"]
    people = documents["rooms-people/0001.json"]["people"]
    assert {each["username"] for each in people} == {anna.user["username"], bert.user["username"]}


async def test_the_export_of_another_is_not_found(anna: Person, bert: Person):
    export = await make_export(anna)
    for response in (
        await fetch(bert, export["id"]),
        await fetch(anna, new_id()),
        await fetch(anna, "..%2f..%2fetc"),
    ):
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"
    assert (await fetch(anna, export["id"], "nonsense")).status_code == 401
    await anna.rest("DELETE", f"/users/me/exports/{export['id']}")
    assert (await fetch(anna, export["id"])).status_code == 404


async def test_no_api_token_downloads_an_export(anna: Person):
    export = await make_export(anna)
    token = (await anna.rest("POST", "/tokens", {"name": "mine", "scopes": ["read", "write"]}))["token"]
    response = await fetch(anna, export["id"], token)
    assert (response.status_code, response.json()["error"]["details"]) == (403, {"reason": "scope"})


async def test_who_takes_too_many_at_once_is_slowed(anna: Person):
    """Downloads that are not read stay open; a further one is told to come again."""
    room_id = await anna.create_room()
    for _ in range(40):
        await anna.send(room_id, " ".join(new_id() for _ in range(400)))
    export = await make_export(anna)
    stalled = [await open_unread(anna, export["id"]) for _ in range(3)]
    try:
        response = await fetch(anna, export["id"])
        assert response.status_code == 429
    finally:
        for each in stalled:
            each.close()

    async def is_free() -> bool:
        return (await fetch(anna, export["id"])).status_code == 200

    await eventually(is_free)


async def open_unread(person: Person, export_id: str) -> socket.socket:
    """Ask for a file with a small window, and read nothing but the first byte."""
    url = urlsplit(person.url)
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    opened.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(opened, (url.hostname, url.port))
    request = (
        f"GET /files/exports/{export_id} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {person.token}\r\n\r\n"
    )
    await loop.sock_sendall(opened, request.encode())
    assert await loop.sock_recv(opened, 1) == b"H"
    return opened


async def test_an_erased_account_is_out_of_every_door_and_a_nameless_one_stays(anna: Person, bert: Person):
    room_id = await anna.create_room(members=(bert,))
    await anna.send(room_id, "soon gone")
    async with anna.socket() as live, bert.socket() as reader:
        started = await anna.rest("POST", "/users/me/erasure", {"messages": "erase"})
        assert await live.wait_closed() == 4503
        left = await reader.wait_for_event("member.left", user_id=anna.id)
        gone = await reader.wait_for_event("message.deleted", room_id=room_id)
        assert left["rev"] < gone["rev"]

    async def is_over() -> bool:
        answer = await bert.http.get(f"{bert.url}/api/v1/erasures/{started['receipt']}")
        return read(answer)["state"] == "finished"

    await eventually(is_over)
    assert (await fetch(anna, new_id())).status_code == 401
    [nameless] = (await bert.rest("GET", f"/users?ids={anna.id}"))["users"]
    assert (nameless["display_name"], nameless["deactivated"]) == ("Deleted user", True)
