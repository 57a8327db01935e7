"""Ids with dots, wildcards, spaces and line breaks, in every id field of every command and path.

The whole bus is tapped, as every user of it, and the logs are read: they must have reached neither.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import nats
import pytest

from shared.contracts.registry import Command, Door, iter_commands
from tests import hostile
from tests.e2e.test_hostile_input import build_request, is_sayable
from tests.stack import Stack
from tests.wire import PASSWORD, WAIT_S, People, Person, Refused, eventually, new_id, read

MARK = "hostile7"
MARKED_IDS = (
    f"{MARK}.x", f"{MARK}.*", f"*.{MARK}", f"{MARK}.>", f"{MARK} x", f" {MARK}", f"{MARK}\r\nSUB > 1\r\n",
    f"{MARK}\nC: x", f"{MARK}\x00", f"{MARK}\t", f"{MARK}%0d%0a", f"{MARK}/../..", f"{MARK}\u2028",
    f"00000000-0000-0000-0000-000000000000{MARK}", f"00000000-0000-0000-0000-000000000000\r\n{MARK}",
)  # fmt: skip
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
KNOWN_SUBJECT = re.compile(
    rf"((rpc|svc)\.[a-z_]+\.[a-z_]+|chat\.(room|user|signal)\.{UUID}\.[a-z_.]+|chat\.presence\.{UUID}"
    rf"|auth\.revoked|health\.[a-z]+\.{UUID}|\$SRV\.[A-Za-z0-9_.-]+|_INBOX\.[A-Za-z0-9_.-]+)"
)
# What each user of the bus may hear; together it is everything that a gateway can say.
TAPS = {
    "auth": ["rpc.>", "svc.auth.>", "auth.revoked", "$SRV.>", "_INBOX.>"],
    "gateway": ["chat.>", "health.gateway.>"],
    "messages": ["svc.messages.>"],
    "presence": ["svc.presence.>"],
}
COMMANDS = list(iter_commands())


class Tap:
    """Everything that was said on the bus."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []

    async def on_message(self, message: Any) -> None:
        headers = json.dumps(dict(message.headers or {})).encode()
        self.heard.append((message.subject, headers + message.data))


@pytest.fixture
async def tap(stack: Stack) -> AsyncIterator[Tap]:
    made, clients = Tap(), []
    for user, subjects in TAPS.items():
        client = await nats.connect(stack.endpoints.nats_url_by_user[user])
        clients.append(client)
        for subject in subjects:
            await client.subscribe(subject, cb=made.on_message)
        await client.flush()
    yield made
    for client in clients:
        await client.close()


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> Callable[[Command], list[hostile.HostileCase]]:
    """The cases of a command with a marked id in one of its id fields."""
    monkeypatch.setattr(hostile, "BAD_IDS", MARKED_IDS)

    def make(command: Command) -> list[hostile.HostileCase]:
        return [case for case in hostile.make_cases(command) if MARK in case.name and case.is_object]

    return make


async def test_no_hostile_id_reaches_the_bus_or_a_log(
    stack: Stack, anna: Person, tap: Tap, cases: Callable[[Command], list[hostile.HostileCase]]
):
    stack.mark_logs()
    sent = 0
    async with anna.socket(sync=False) as socket:
        for command in COMMANDS:
            made = cases(command)
            if Door.SOCKET in command.doors:
                calls = [socket.start(command.name, json.loads(case.raw)) for case in made]
                assert all(isinstance(each, Refused) for each in await gather(calls))
                sent += len(made)
            if Door.REST in command.doors:
                sayable = [case for case in made if is_sayable(case)]
                answers = await gather([send(anna, case) for case in sayable])
                assert all(each.status_code in {404, 405, 422} for each in answers), answers
                sent += len(sayable)
        await socket.call("users.me")
    assert sent > 500
    await assert_clean(tap, stack)


async def test_no_hostile_path_query_or_header_reaches_the_bus_or_a_log(stack: Stack, anna: Person, tap: Tap):
    stack.mark_logs()
    paths = [
        "/rooms/{}",
        "/rooms/{}/messages",
        "/users?ids={}",
        "/presence?user_ids={}",
        "/auth/logins/{}",
        "/{}",
    ]
    for path in paths:
        for shown in (
            f"{MARK}%0d%0aSUB%20%3E%201",
            f"{MARK}%00",
            f"{MARK}.%3E",
            f"%2e%2e%2f{MARK}",
            f"*.{MARK}",
        ):
            response = await anna.http.get(
                f"{anna.url}/api/v1{path.format(shown)}",
                headers={"Authorization": f"Bearer {anna.token}", "X-Request-Id": MARK, "traceparent": MARK},
            )
            assert response.status_code in {404, 405, 422}
    await anna.rest("GET", "/users/me", headers={"X-Forwarded-For": f"{MARK}, 1.2.3.4"})
    await assert_clean(tap, stack)


async def send(person: Person, case: hostile.HostileCase) -> httpx2.Response:
    return await person.http.send(build_request(person, case))


async def gather(calls: list[Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def assert_clean(tap: Tap, stack: Stack) -> None:
    """The last command was `users.me`: what was sent before it has come as well."""
    await eventually(lambda: any(subject == "rpc.users.me" for subject, _ in tap.heard))
    unknown = {subject for subject, _ in tap.heard if not KNOWN_SUBJECT.fullmatch(subject)}
    assert not unknown
    assert not [each for each in tap.heard if MARK.encode() in each[1]]
    assert MARK not in stack.read_logs()


async def test_limits_count_the_user_and_the_address_not_what_a_request_says_of_itself(
    stack_factory: Callable[..., Stack],
):
    """Neither many tokens, nor User-Agents, nor X-Forwarded-For multiply what one may do."""
    env = {"CHATCRAFT_GATEWAY_RATE_FACTOR": "1"}
    async with (
        stack_factory(counts={"gateway": 1, "messages": 1}, env=env) as own,
        httpx2.AsyncClient(timeout=WAIT_S) as http,
    ):
        anna = await People(own.gateway_urls, http).register("anna")
        login = {"login": anna.user["username"], "password": PASSWORD}
        tokens = [anna.token]
        for _ in range(4):
            answer = await http.post(f"{anna.url}/api/v1/auth/login", json=login)
            tokens.append(read(answer)["tokens"]["access_token"])
        signed_in = [{"Authorization": f"Bearer {token}"} for token in tokens]
        for path, identities in (("/users/me", signed_in), ("/auth/jwks", [{}])):
            began_s = time.monotonic()
            answers = await gather(
                [http.get(f"{anna.url}/api/v1{path}", headers=disguise(identities, at)) for at in range(250)]
            )
            allowed = sum(each.status_code == 200 for each in answers)
            refused = [each for each in answers if each.status_code == 429]
            assert allowed <= 60 + 20 * (time.monotonic() - began_s) + 1
            assert len(refused) == 250 - allowed
            assert all(int(each.headers["retry-after"]) >= 1 for each in refused)


def disguise(identities: list[dict[str, str]], at: int) -> dict[str, str]:
    address = f"10.0.{at // 250}.{at % 250}"
    return {
        "User-Agent": f"agent {new_id()}",
        "X-Forwarded-For": address,
        "X-Real-IP": address,
        "Forwarded": f"for={address}",
        **identities[at % len(identities)],
    }
