"""What all processes log over a whole run, at the most talkative level: no secret, and no text."""

import asyncio
import contextlib
import json
from typing import Any

import httpx2
import pytest

from tests.wire import PASSWORD, People, Refused, Socket, new_id

TEXT = "words-that-nobody-logs"
WRONG_PASSWORD = "a wrong horse 7"


async def talk(people: People, http: httpx2.AsyncClient) -> list[str]:
    """Do what people do, and what goes wrong with it; return what must not be in any log."""
    anna, bert = await people.register("anna"), await people.register("bert")
    secrets = [PASSWORD, WRONG_PASSWORD, TEXT]
    login = await http.post(
        f"{anna.url}/api/v1/auth/login",
        json={"login": anna.user["username"], "password": PASSWORD},
        headers={"x-chat-client": "web"},
    )
    assert len(login.cookies) == 1
    await http.post(
        f"{anna.url}/api/v1/auth/login", json={"login": anna.user["username"], "password": WRONG_PASSWORD}
    )
    secrets += [value for name, value in login.cookies.items()]
    refreshed = await http.post(
        f"{anna.url}/api/v1/auth/refresh", json={"refresh_token": anna.tokens["refresh_token"]}
    )
    for tokens in (anna.tokens, bert.tokens, refreshed.json()["tokens"]):
        secrets += [tokens["access_token"], tokens["refresh_token"]]
    room_id = await anna.create_room(members=(bert,))
    made = await anna.rest("POST", "/tokens", {"name": "mine", "scopes": ["write"]})
    secrets.append(made["token"])
    message = await anna.send(room_id, TEXT)
    await anna.rest("PATCH", f"/rooms/{room_id}/messages/{message['id']}", {"text": f"{TEXT} again"})
    await bert.rest("GET", f"/search?q={TEXT}")
    async with bert.socket() as socket:
        await socket.call("drafts.set", {"room_id": room_id, "text": TEXT})
        await err(socket)
    return secrets


async def err(socket: Socket) -> None:
    """Put secrets where they do not belong, so that what refuses them may be tempted to repeat them."""
    for op in ("messages.send", "rooms.get", f"nothing.{TEXT}"):
        with pytest.raises(Refused):
            await socket.call(op, {"room_id": TEXT, "id": TEXT, "text": [TEXT]})
    await socket.websocket.send(json.dumps({"op": "messages.send", "ref": 0, "d": TEXT}))
    await socket.wait_closed()


async def err_over_http(url: str, http: httpx2.AsyncClient, secrets: list[str]) -> None:
    for secret in secrets[:6]:
        await http.get(f"{url}/api/v1/users/me", headers={"authorization": f"Bearer {secret}x"})
        await http.get(f"{url}/api/v1/rooms", params={"access_token": secret})
        await http.post(
            f"{url}/api/v1/auth/login", content=b'{"login": "anna", "password": "' + secret.encode()
        )
        with contextlib.suppress(httpx2.HTTPError):
            await http.get(f"{url}/api/v1/users/me", headers={"cookie": f"refresh={secret}"})


async def fail_while_servers_are_away(stack: Any, people: People) -> None:
    """Statements fail under way, with what people wrote among their values."""
    anna = await people.register("anna")
    room_id = await anna.create_room()
    async with anna.socket() as socket:
        await stack.kill("postgres")
        for op, asked in (
            ("messages.send", {"room_id": room_id, "id": new_id(), "text": TEXT}),
            ("drafts.set", {"room_id": room_id, "text": TEXT}),
        ):
            with pytest.raises(Refused):
                await socket.call(op, asked)
        await stack.restart("postgres")


async def test_no_process_logs_a_token_a_password_a_cookie_or_a_text(stack_factory, http):
    env = {"CHATCRAFT_LOG_LEVEL": "debug", "CHATCRAFT_LOG_FORMAT": "json"}
    async with stack_factory(env=env) as stack:
        people = People(stack.gateway_urls, http)
        secrets = await talk(people, http)
        await err_over_http(stack.gateway_urls[0], http, secrets)
        await fail_while_servers_are_away(stack, people)
        await asyncio.gather(*(stack.restart(service) for service in ("messages", "auth", "gateway")))
    files = stack._log_files()
    logged = {file.name: file.read_text(errors="replace") for file in files}
    assert {"auth-0.log", "gateway-0.log", "messages-0.log", "presence-0.log", "postgres.log"} <= set(logged)
    assert "command_failed" in "".join(logged.values()), "something did go wrong"
    assert all(secrets)
    found = [(name, secret[:12]) for name, text in logged.items() for secret in secrets if secret in text]
    assert found == []
