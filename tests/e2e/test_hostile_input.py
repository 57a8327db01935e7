"""Every command's hostile requests, through both doors of the running system; and that all are served.

Behind each refusal stands the system afterwards: it still answers, and its logs were not written by us.
"""

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import nats
import pytest
from websockets.exceptions import ConnectionClosed

from shared.contracts import internal
from shared.contracts.registry import Command, Door, iter_commands
from tests.hostile import HostileCase, make_cases, make_valid
from tests.stack import Stack
from tests.wire import Person, Refused, Socket, eventually

# What is larger than a frame may be is another refusal, tested on its own.
SMALL_BYTES = 200_000
AT_ONCE = 32
# In a query these are text like any other, and may well be valid.
ONLY_IN_JSON = ("a number", "a boolean", "an object", "null", "a list", "a lone surrogate")
COMMANDS = list(iter_commands())
ON_SOCKET = [each for each in COMMANDS if Door.SOCKET in each.doors]
ON_REST = [each for each in COMMANDS if Door.REST in each.doors]


def names(commands: list[Command[Any, Any]]) -> list[str]:
    return [each.name for each in commands]


def small_cases(command: Command[Any, Any]) -> list[HostileCase]:
    """The cases that fit into a frame and are UTF-8."""
    return [case for case in make_cases(command) if len(case.raw) <= SMALL_BYTES and case.raw.isascii()]


@pytest.mark.parametrize("command", ON_SOCKET, ids=names(ON_SOCKET))
async def test_the_socket_refuses_hostile_requests_and_names_the_field(anna: Person, command: Command):
    # Null here is no `d` at all, which is nothing hostile: `auth.logout` would end this login.
    cases = [case for case in small_cases(command) if not case.is_malformed and case.raw != b"null"]
    async with anna.socket(sync=False) as socket:
        answers = await asyncio.gather(*(ask_socket(socket, case) for case in cases))
        assert not [answer for answer in answers if answer is not None]
        assert await socket.call("users.me")


async def ask_socket(socket: Socket, case: HostileCase) -> str | None:
    """Return what is wrong with the answer, or None."""
    request = json.loads(case.raw)
    try:
        await socket.start(case.command.name, request)
    except Refused as refused:
        expected = "invalid_input" if isinstance(request, dict) else "bad_frame"
        found = [field["path"] for field in refused.error["details"].get("fields", [])]
        if refused.code != expected or (isinstance(request, dict) and found != [case.path]):
            return f"{case}: {refused.error}"
        return None
    return f"{case}: accepted"


@pytest.mark.parametrize("raw", [case.raw for case in make_cases(COMMANDS[0]) if case.is_malformed][:7])
async def test_what_is_no_json_closes_the_socket_and_no_other(anna: Person, bert: Person, raw: bytes):
    async with bert.socket(anna.url) as neighbour:
        async with anna.socket() as socket:
            await send_raw(socket, b'{"op":"users.me","ref":1,"d":' + raw + b"}")
            assert await socket.wait_closed() in {4501, 1007, 1009}
        assert await neighbour.call("users.me")


async def send_raw(socket: Socket, raw: bytes) -> None:
    try:
        await socket.websocket.send(raw, text=True)
    except ConnectionClosed:
        return


async def test_a_frame_above_the_limit_closes_1009(anna: Person):
    async with anna.socket() as socket:
        await send_raw(socket, b'{"op":"users.me","ref":1,"d":{"x":"' + b"x" * 262_144 + b'"}}')
        assert await socket.wait_closed() == 1009


@pytest.mark.parametrize("command", ON_REST, ids=names(ON_REST))
async def test_rest_refuses_hostile_requests_and_names_the_field(anna: Person, command: Command):
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(case: HostileCase) -> str | None:
        async with gate:
            return await ask_rest(anna, case)

    answers = await asyncio.gather(*(ask(case) for case in small_cases(command) if is_sayable(case)))
    assert not [answer for answer in answers if answer is not None]


def is_sayable(case: HostileCase) -> bool:
    """Whether a case can be put as a REST request, and is wrong there too."""
    http = case.command.http
    assert http is not None
    if case.is_object and set(http.path_fields) - set(json.loads(case.raw)):
        return False
    if case.path in http.path_fields and json.loads(case.raw)[case.path] == "..":
        return False  # HTTP clients resolve it (RFC 3986, section 5.2.4): what they send is another path
    if http.method in {"GET", "DELETE"}:
        return case.is_object and not case.name.endswith(ONLY_IN_JSON)
    return case.raw != b""  # no body is an empty object


async def ask_rest(person: Person, case: HostileCase) -> str | None:
    """Return what is wrong with the answer, or None."""
    response = await person.http.send(build_request(person, case))
    path = (case.path or "").split("[")[0]
    assert case.command.http is not None
    if path in case.command.http.path_fields:
        is_right = response.status_code in {404, 405, 422}
    elif case.is_malformed:
        is_right = response.status_code == 400 and response.json()["error"]["code"] == "bad_frame"
    elif not case.is_object:
        is_right = response.status_code in {400, 422}
    else:
        fields = response.json().get("error", {}).get("details", {}).get("fields", [{}])
        is_right = response.status_code == 422 and fields[0].get("path", "").split("[")[0] == path
    return None if is_right else f"{case}: {response.status_code} {response.text[:300]}"


def build_request(person: Person, case: HostileCase) -> httpx2.Request:
    """Share the case out over path, query and body."""
    http = case.command.http
    assert http is not None
    fields = json.loads(case.raw) if case.is_object else make_valid(case.command)
    path = http.path
    for name in http.path_fields:
        path = path.replace(
            f"{{{name}}}", quote(as_text(fields.pop(name)).encode("utf-8", "replace"), safe="")
        )
    url, content = f"{person.url}/api/v1{path}", None
    if http.method in {"GET", "DELETE"}:
        url += "?" + urlencode({name: as_text(value) for name, value in fields.items()})
    else:
        content = json.dumps(fields).encode() if case.is_object else case.raw
    headers = {"Authorization": f"Bearer {person.token}"}
    return person.http.build_request(http.method, url, content=content, headers=headers)


def as_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(as_text, value))
    return value if isinstance(value, str) else json.dumps(value)


async def test_a_body_above_the_limit_is_413_also_without_a_length(anna: Person):
    async def chunks():
        for _ in range(300):
            yield b"x" * 1_000

    for content in (b"x" * 300_000, chunks()):
        response = await anna.http.post(
            f"{anna.url}/api/v1/rooms", content=content, headers={"Authorization": f"Bearer {anna.token}"}
        )
        assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


async def test_what_we_sent_wrote_no_line_of_the_logs_and_crashed_nothing(stack: Stack, anna: Person):
    stack.mark_logs()
    for path in ("/rooms/x%0D%0ASUB%20%3E%201", "/rooms/%00", "/users?ids=a%0Ab"):
        with pytest.raises(Refused):
            await anna.rest("GET", path)
    with pytest.raises(Refused):
        await anna.rest("GET", "/users/me", headers={"Authorization": "Bearer a\tb"})
    logs = stack.read_logs()
    assert "\nSUB" not in logs
    assert "crashed" not in logs


async def test_every_command_has_a_handler_that_announces_itself(stack: Stack):
    client = await nats.connect(stack.endpoints.nats_url_by_user["gateway"])
    served: dict[str, str] = {}

    async def on_info(message: Any) -> None:
        info = json.loads(message.data)
        served.update({each["subject"]: each["queue_group"] for each in info["endpoints"]})

    inbox = client.new_inbox()
    await client.subscribe(inbox, cb=on_info)
    await client.publish("$SRV.INFO", b"", reply=inbox)
    expected = {command.subject: command.service for command in COMMANDS if command.is_forwarded}
    try:
        await eventually(lambda: expected.items() <= served.items())
    finally:
        await client.close()
    served_calls = {subject for subject in served if subject.startswith("rpc.")}
    unknown = served_calls - expected.keys() - {internal.SEND_MANY}
    assert not unknown
