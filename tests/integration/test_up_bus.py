"""The bus of `chatcraft up`: who may say what. The rest of the system builds its trust on these refusals."""

import asyncio

import nats
import pytest
from nats.aio.msg import Msg

from tests.up_process import wait_for

USERS = ("auth", "feed", "gateway", "messages", "presence")
ROOM = "chat.room.0195f3c0-0000-7000-8000-000000000000.message.created"
# Each subject, and the only users that may publish it.
ALLOWED = {
    "rpc.messages.send": {"gateway"},
    "svc.messages.positions": {"gateway"},
    "svc.auth.known_users": {"gateway", "messages"},
    "svc.gateway.deliveries": {"messages"},
    ROOM: {"messages"},
    "chat.user.0195f3c0-0000-7000-8000-000000000000.room.added": {"auth", "messages"},
    "chat.signal.0195f3c0-0000-7000-8000-000000000000.typing.changed": {"gateway"},
    "chat.presence.0195f3c0-0000-7000-8000-000000000000": {"presence"},
    "auth.revoked": {"auth"},
    "$JS.API.STREAM.INFO.CHAT": {"feed", "messages"},
    "$JS.API.STREAM.DELETE.CHAT": {"messages"},
    "$JS.API.STREAM.PURGE.CHAT": {"messages"},
    "$JS.API.CONSUMER.CREATE.KV_chat_positions.mine": {"messages"},
    "chat.dead.alerts": {"feed"},
    "health.messages.0195f3c0-0000-7000-8000-000000000000": {"messages"},
    "_INBOX.somebody": {"auth", "gateway", "messages", "presence"},
}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_publishes_its_own_subjects_and_no_others(nats_url, user):
    refusals: list[str] = []

    async def on_error(error: Exception) -> None:
        refusals.append(str(error).lower())

    connection = await nats.connect(nats_url(user), error_cb=on_error)
    for subject in ALLOWED:
        await connection.publish(subject, b"x")
    await connection.flush()
    forbidden = {subject for subject, users in ALLOWED.items() if user not in users}

    async def are_all_refused() -> bool:
        return len(refusals) >= len(forbidden)

    await wait_for(are_all_refused, lambda: f"only {refusals}")
    await connection.close()
    assert all("permissions violation for publish" in refusal for refusal in refusals)
    assert {subject for subject in ALLOWED if any(subject.lower() in text for text in refusals)} == forbidden


@pytest.mark.parametrize("subject", ["_INBOX.>", ">", "chat.>", "rpc.>", "svc.>", "$JS.>", "auth.revoked"])
async def test_whoever_reads_the_feed_overhears_nobody(nats_url, subject):
    refusals: list[str] = []

    async def on_error(error: Exception) -> None:
        refusals.append(str(error).lower())

    connection = await nats.connect(nats_url("feed"), error_cb=on_error, inbox_prefix="_INBOX_feed")
    await connection.subscribe(subject)
    await connection.flush()
    await wait_for(lambda: is_any(refusals), lambda: "not refused")
    await connection.close()
    assert "permissions violation for subscription" in refusals[0]


async def test_whoever_reads_the_feed_may_hear_live_what_clients_are_told(nats_url):
    heard: list[str] = []

    async def on_message(message: Msg) -> None:
        heard.append(message.subject)

    listener = await nats.connect(nats_url("feed"), inbox_prefix="_INBOX_feed")
    for subject in ("chat.room.>", "chat.user.>", "chat.signal.>", "chat.presence.>"):
        await listener.subscribe(subject, cb=on_message)
    await listener.flush()
    told = {subject: min(users) for subject, users in ALLOWED.items() if subject.startswith("chat.")}
    del told["chat.dead.alerts"]
    for subject, user in told.items():
        speaker = await nats.connect(nats_url(user))
        await speaker.publish(subject, b"x")
        await speaker.flush()
        await speaker.close()

    async def is_all_heard() -> bool:
        return set(heard) == set(told)

    await wait_for(is_all_heard, lambda: f"only {heard}")
    await listener.close()


async def is_any(items: list[str]) -> bool:
    return bool(items)


@pytest.mark.parametrize("login", [b"CONNECT {}", b'CONNECT {"user": "gateway", "pass": "guess"}'])
async def test_nobody_comes_in_without_a_password(nats_url, login):
    host, port = nats_url("gateway").rpartition("@")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(login + b"\r\nPING\r\n")
    said = await reader.read()
    writer.close()
    assert b"-ERR 'Authorization Violation'" in said
    assert b"PONG" not in said
