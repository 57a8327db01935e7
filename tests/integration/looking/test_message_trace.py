"""`chatcraft trace`: where a message got to, from what the stores and the gateways know anyway."""

import json
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import nats
import pytest

from tests.integration.looking.doctor import to_environment
from tests.stack import Stack
from tests.up_process import COMMAND, run_program
from tests.wire import People, Person, eventually, new_id

TEXT = "words that are not shown"
WAITING = """
INSERT INTO messages.outbox (id, claimed_by, claimed_until, events, created_at)
VALUES (gen_random_uuid(), gen_random_uuid(), now() + interval '1 hour', $1, now() - interval '5 minutes')
"""


@pytest.fixture
async def people(stack: Stack) -> Any:
    async with httpx2.AsyncClient(timeout=30) as http:
        folk = People(stack.gateway_urls, http)
        yield await folk.register("anna", node=0), await folk.register("bert", node=1)


async def trace(stack: Stack, message_id: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    env = to_environment(stack.endpoints)
    code, lines = await run_program(
        COMMAND, "trace", message_id, "--json", "--data-dir", "/nowhere", *arguments, env=env
    )
    assert TEXT not in "\n".join(lines)
    return code, json.loads("\n".join(lines))


def step(way: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [each for each in way["steps"] if each["name"] == name]
    return found


async def is_published(stack: Stack, message_id: str) -> bool:
    _, [way] = await trace(stack, message_id)
    return step(way, "published")["at"] is not None


async def test_a_message_is_followed_to_each_gateway(stack: Stack, people: tuple[Person, Person]):
    anna, bert = people
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as one, bert.socket() as two:
        message = await anna.send(room_id, TEXT)
        await one.wait_for_event("message.created", id=message["id"])
        await two.wait_for_event("message.created", id=message["id"])
        code, [way] = await trace(stack, message["id"])
    assert (code, way["room_id"], way["seq"]) == (0, room_id, message["seq"])
    accepted, published = step(way, "accepted"), step(way, "published")
    assert accepted["at"] == message["created_at"]
    assert step(way, "committed")["text"].startswith("stored")
    assert f"rev {message['rev']} of epoch" in published["text"]
    gateways = [each for each in way["steps"] if each["name"] == "fanned out"]
    assert len(gateways) == 2
    [written] = [each for each in gateways if each["at"]]
    assert "written to 2 connections, 1 events at once; 2 listen now" in written["text"]
    assert "nobody there listens" in next(each for each in gateways if not each["at"])["text"]
    first, *later = [datetime.fromisoformat(each["at"]) for each in (accepted, published, written)]
    # The feed stores it and a gateway writes it out side by side: either may be first.
    assert first <= min(later)
    assert max(later) - first < timedelta(seconds=30)


async def test_of_a_message_that_has_changed_its_first_event_is_shown(
    stack: Stack, people: tuple[Person, Person]
):
    anna, _ = people
    room_id = await anna.create_room()
    message = await anna.send(room_id, "before")
    await anna.send(room_id, "another")
    edited = await anna.rest("PATCH", f"/rooms/{room_id}/messages/{message['id']}", {"text": TEXT})
    await eventually(lambda: is_published(stack, message["id"]))
    _, [way] = await trace(stack, message["id"], "--room", room_id)
    assert f"; edited {edited['edited_at']}" in step(way, "accepted")["text"]
    assert step(way, "committed")["text"].startswith(f"changed since, up to rev {edited['rev']}")
    assert f"rev {message['rev']} of epoch" in step(way, "published")["text"]


async def test_one_id_in_two_rooms_is_two_messages(stack: Stack, people: tuple[Person, Person]):
    anna, _ = people
    rooms = {await anna.create_room(), await anna.create_room()}
    message_id = new_id()
    for room_id in rooms:
        await anna.rest("POST", f"/rooms/{room_id}/messages", {"id": message_id, "text": TEXT})
    _, ways = await trace(stack, message_id)
    assert {way["room_id"] for way in ways} == rooms
    _, [way] = await trace(stack, message_id, "--room", min(rooms))
    assert way["room_id"] == min(rooms)


async def test_what_the_feed_has_not_is_said_to_wait_or_to_be_gone(
    stack: Stack, people: tuple[Person, Person]
):
    anna, _ = people
    room_id = await anna.create_room()
    message = await anna.send(room_id, TEXT)
    await eventually(lambda: is_published(stack, message["id"]))
    client = await nats.connect(stack.endpoints.nats_url_by_user["messages"])
    await client.jetstream().purge_stream("CHAT", subject=f"chat.room.{room_id}.>")
    await client.close()
    _, [way] = await trace(stack, message["id"])
    assert "the feed has it no longer" in step(way, "published")["text"]
    connection = await asyncpg.connect(stack.endpoints.database_url)
    await connection.execute(WAITING, f"packed {message['id']} packed".encode())
    _, [way] = await trace(stack, message["id"])
    await connection.execute("DELETE FROM messages.outbox WHERE created_at < now() - interval '4 minutes'")
    await connection.close()
    assert "waits in the outbox for 3" in step(way, "published")["text"]


async def test_what_is_not_there_and_what_is_no_id_are_refused(stack: Stack):
    assert await trace(stack, new_id()) == (1, [])
    code, lines = await run_program(COMMAND, "trace", "chat.>", env=to_environment(stack.endpoints))
    assert (code, lines) == (
        1,
        ["chatcraft: 'chat.>' is not the id of a message: it is a UUID in lower case"],
    )


async def test_a_person_reads_one_line_a_station(stack: Stack, people: tuple[Person, Person]):
    anna, _ = people
    message = await anna.send(await anna.create_room(), TEXT)
    code, lines = await run_program(
        COMMAND, "trace", message["id"], "--data-dir", "/nowhere", env=to_environment(stack.endpoints)
    )
    assert code == 0
    assert lines[0].startswith(f"message {message['id']} in room ")
    assert [line.split("  ")[1] for line in lines[1:4]] == ["accepted", "committed", "published"]
    assert TEXT not in "\n".join(lines)


async def test_where_the_bus_does_not_let_it_ask_gateways_it_says_so(
    stack: Stack, people: tuple[Person, Person]
):
    anna, _ = people
    message = await anna.send(await anna.create_room(), TEXT)
    env = to_environment(stack.endpoints)
    env["CHATCRAFT_NATS_URL"] = stack.endpoints.nats_url_by_user["feed"]
    code, lines = await run_program(COMMAND, "trace", message["id"], "--data-dir", "/nowhere", env=env)
    assert code == 1
    assert "has to be asked as the user `messages`" in lines[-1]


async def test_a_bus_that_is_away_is_named_without_its_password(stack: Stack):
    env = to_environment(stack.endpoints) | {"CHATCRAFT_NATS_URL": "nats://messages:secret-word@127.0.0.1:1"}
    code, lines = await run_program(COMMAND, "trace", new_id(), "--data-dir", "/nowhere", env=env)
    assert code == 1
    assert "NATS does not answer" in lines[-1]
    assert "secret-word" not in "\n".join(lines)
