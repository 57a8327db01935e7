"""Traces of a running system, as a collector gets them; and the logs of traced commands."""

import asyncio
import json
import secrets
import signal
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx2
import pytest

from deploy.local.data_dir import DataDir
from tests.collector import Collector, Seen, find_one
from tests.stack import Stack
from tests.wire import PASSWORD, People, Person, Refused, eventually, new_id

TEXT = "the-text-of-a-message"
WAY = (
    "chatcraft-messages messages.send",
    "chatcraft-gateway messages.send",
    "ask rpc.messages.send",
    "writer.batch",
    "COMMIT",
)


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as running:
        yield running


@pytest.fixture(scope="module")
async def traced(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> AsyncIterator[Stack]:
    """Two gateways that take everybody here for their proxy, and trace everything that comes over sockets."""
    env = {
        "CHATCRAFT_TRACE_ENDPOINT": collector.url,
        "CHATCRAFT_GATEWAY_TRACE_RATIO": "1",
        "CHATCRAFT_GATEWAY_TRACE_PROXIES": "10.0.0.0/8, 127.0.0.1",
        "CHATCRAFT_GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
        "CHATCRAFT_LOG_FORMAT": "json",
    }
    with DataDir.open(tmp_path_factory.mktemp("traced") / "data") as data_dir:
        async with Stack("test_tracing", data_dir, counts={"messages": 1}, env=env) as running:
            yield running


@pytest.fixture
async def anna(traced: Stack, http: httpx2.AsyncClient) -> Person:
    return await People(traced.gateway_urls, http).register("anna")


def traceparent(flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{flags}"}


def trace_id_of(headers: dict[str, str]) -> str:
    return headers["traceparent"].split("-")[1]


def read_log(stack: Stack, name: str) -> list[dict[str, Any]]:
    lines = (stack.logs / f"{name}.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def of_service(spans: list[Seen], name: str, service: str) -> Seen:
    [found] = [span for span in spans if span.name == name and span.service == service]
    return found


async def test_a_send_is_one_trace_from_the_gateway_over_nats_to_the_sql(
    anna: Person, collector: Collector
) -> None:
    room_id = await anna.create_room()
    async with anna.socket() as socket:
        sent = await socket.call("messages.send", {"room_id": room_id, "id": new_id(), "text": TEXT})
    assert sent["message"]["text"] == TEXT

    def find_root() -> Seen | None:
        roots = [s for s in collector.spans if s.name == "messages.send" and s.service == "chatcraft-gateway"]
        return roots[-1] if roots else None

    root = await eventually(find_root)
    spans = await collector.wait_for(root.trace_id, *WAY)
    ask = find_one(spans, "ask rpc.messages.send")
    served = of_service(spans, "messages.send", "chatcraft-messages")
    batch = find_one(spans, "writer.batch")
    assert (root.parent, ask.parent, served.parent, batch.parent) == (
        "",
        root.span_id,
        ask.span_id,
        served.span_id,
    )
    assert (root.kind, ask.kind, served.kind, batch.kind) == ("server", "client", "server", "internal")
    assert served.links == [(batch.trace_id, batch.span_id)]
    statements = [span for span in spans if span.attributes.get("db.system.name") == "postgresql"]
    assert {span.parent for span in statements} == {batch.span_id}
    assert {"BEGIN", "SELECT", "WITH", "COMMIT"} <= {span.name for span in statements}
    assert any("INSERT INTO messages.messages" in each.attributes["db.query.text"] for each in statements)
    assert all(batch.began_ns <= span.ended_ns <= served.ended_ns + 10**9 for span in statements)
    assert not any(span.is_failed for span in spans)


async def test_sends_that_share_a_batch_link_to_the_one_span_of_it(
    traced: Stack, anna: Person, collector: Collector
) -> None:
    rooms = [await anna.create_room() for _ in range(20)]
    begun_with = len(collector.spans)
    async with anna.socket() as socket:
        commands = [{"room_id": room_id, "id": new_id(), "text": TEXT} for room_id in rooms]
        await traced.kill("messages", number=signal.SIGSTOP)
        try:
            sends = [socket.start("messages.send", each) for each in commands]
            await socket.call("users.me")  # what was sent before it is on the bus, and waits
        finally:
            await traced.kill("messages", number=signal.SIGCONT)
        await asyncio.gather(*sends)

    def find_served() -> list[Seen] | None:
        new = collector.spans[begun_with:]
        found = [s for s in new if s.name == "messages.send" and s.service == "chatcraft-messages"]
        return found if len(found) >= 20 else None

    served = await eventually(find_served)
    batches = {link for span in served for link in span.links}
    shared = [link for link in batches if sum(link in span.links for span in served) > 1]
    assert shared, "twenty at once were not twenty batches"
    for trace_id, span_id in shared:
        [batch] = [
            span for span in await collector.wait_for(trace_id, "writer.batch") if span.span_id == span_id
        ]
        assert batch.parent in {span.span_id for span in served if (trace_id, span_id) in span.links}


async def test_statements_of_other_commands_are_children_of_theirs(
    anna: Person, collector: Collector
) -> None:
    headers = traceparent()
    await anna.rest("GET", "/users/me", headers=headers)
    spans = await collector.wait_for(
        trace_id_of(headers), "chatcraft-auth users.me", "ask rpc.users.me", "SELECT"
    )
    served = of_service(spans, "users.me", "chatcraft-auth")
    statements = [span for span in spans if "db.query.text" in span.attributes]
    assert {span.parent for span in statements} == {served.span_id}


async def test_a_named_proxy_decides_which_trace_it_is_and_whether_there_is_one(
    anna: Person, collector: Collector
) -> None:
    unsampled, sampled = traceparent("00"), traceparent()
    room_id = await anna.create_room()
    await anna.rest("GET", f"/rooms/{room_id}", headers=unsampled)
    await anna.rest("GET", f"/rooms/{room_id}", headers=sampled)
    spans = await collector.wait_for(trace_id_of(sampled), "chatcraft-gateway rooms.get")
    root = of_service(spans, "rooms.get", "chatcraft-gateway")
    assert root.parent == sampled["traceparent"].split("-")[2]
    assert root.attributes["http.response.status_code"] == 200
    assert collector.of(trace_id_of(unsampled)) == []


async def test_a_proxy_that_says_who_asks_is_believed_in_traces_too(
    anna: Person, collector: Collector
) -> None:
    sampled = traceparent()
    await anna.rest("GET", "/rooms", headers=sampled | {"X-Forwarded-For": "203.0.113.7"})
    spans = await collector.wait_for(trace_id_of(sampled), "chatcraft-gateway rooms.list")
    assert of_service(spans, "rooms.list", "chatcraft-gateway").parent == sampled["traceparent"].split("-")[2]


async def test_nothing_that_people_wrote_and_no_secret_is_in_any_span(
    anna: Person, collector: Collector
) -> None:
    headers = traceparent()
    room_id = await anna.create_room()
    sent = {"id": new_id(), "text": TEXT}
    await anna.rest("POST", f"/rooms/{room_id}/messages", sent, headers=headers)
    asked = {"refresh_token": anna.tokens["refresh_token"]}
    await anna.rest("POST", "/auth/refresh", asked, headers=traceparent())
    await collector.wait_for(trace_id_of(headers), *WAY)
    for secret in (TEXT, PASSWORD, anna.token, anna.tokens["refresh_token"], anna.user["username"]):
        assert secret.encode() not in collector.raw


async def test_what_is_refused_is_marked_in_the_trace(anna: Person, collector: Collector) -> None:
    headers = traceparent()
    with pytest.raises(Refused):
        await anna.rest("GET", f"/rooms/{new_id()}", headers=headers)
    spans = await collector.wait_for(trace_id_of(headers), "chatcraft-messages rooms.get")
    served = of_service(spans, "rooms.get", "chatcraft-messages")
    assert (served.is_failed, served.attributes["error.type"]) == (True, "not_found")


async def test_a_crash_is_told_of_by_the_id_of_its_trace_and_of_its_log_line(
    traced: Stack, anna: Person, collector: Collector
) -> None:
    connection = await asyncpg.connect(traced.endpoints.database_url)
    await connection.execute("ALTER TABLE messages.user_items RENAME TO elsewhere")
    try:
        sampled = traceparent()
        told = []
        for headers in (sampled, traceparent("00")):
            with pytest.raises(Refused) as refused:
                await anna.rest("GET", "/saved", headers=headers)
            assert refused.value.code == "internal"
            told.append(refused.value.error["details"]["trace_id"])
    finally:
        await connection.execute("ALTER TABLE messages.elsewhere RENAME TO user_items")
        await connection.close()
    assert told[0] == trace_id_of(sampled)
    lines = [line for line in read_log(traced, "messages-0") if line["event"] == "command_crashed"]
    assert [line["trace_id"] for line in lines] == told
    assert all("UndefinedTableError" in line["exception"] for line in lines)
    served = of_service(
        await collector.wait_for(told[0], "chatcraft-messages saved.list"),
        "saved.list",
        "chatcraft-messages",
    )
    assert served.attributes["error.type"] == "internal"


async def test_every_log_line_of_a_sampled_command_names_its_trace(traced: Stack, anna: Person) -> None:
    room_id = await anna.create_room()
    async with anna.socket() as socket:
        await traced.kill("postgres")
        sampled = traceparent()
        with pytest.raises(Refused) as refused:
            await anna.rest("GET", f"/rooms/{room_id}", headers=sampled)
        assert refused.value.code == "unavailable"
        sent = {"room_id": room_id, "id": new_id(), "text": TEXT}
        with pytest.raises(Refused) as refused:
            await socket.call("messages.send", sent)
        assert refused.value.code == "unavailable"
        await traced.restart("postgres")
    failed = [line for line in read_log(traced, "messages-0") if line["event"] == "command_failed"]
    by_command = {line["command"]: line for line in failed if "trace_id" in line}
    assert by_command["rooms.get"]["trace_id"] == trace_id_of(sampled)
    assert len(by_command["messages.send"]["trace_id"]) == 32
