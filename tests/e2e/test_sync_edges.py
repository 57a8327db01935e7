"""The seams of sync: between snapshot and stream, and rooms that come and go while it is under way."""

import asyncio
import random

from tests.stack import Stack
from tests.wire import Json, Person, Socket, check_follows, eventually, messages_in

ROUNDS = 15
SEED = random.SystemRandom().randrange(2**32)


def element(synced: Json, room_id: str) -> Json:
    return next(each for each in synced["rooms"] if each["room"]["id"] == room_id)


async def test_a_message_between_snapshot_and_stream_comes_exactly_once(
    stack: Stack, anna: Person, bert: Person
) -> None:
    room_id, chance = await anna.create_room(members=(bert,)), random.Random(SEED)
    for turn in range(ROUNDS):
        async with bert.socket(stack.gateway_urls[turn % 2], sync=False) as socket:
            syncing = socket.start("sync", {"rooms": {}})
            await asyncio.sleep(chance.random() * 0.01)  # so that it falls anywhere in the sync
            sent = await asyncio.gather(*(anna.send(room_id, f"{turn}.{index}") for index in range(3)))
            snapshot = element(await syncing, room_id)
            await check_seam(socket, snapshot, sent)


async def check_seam(socket: Socket, snapshot: Json, sent: list[Json]) -> None:
    """Snapshot and stream together have each of these messages once, without a gap."""
    room_id, rev = snapshot["room"]["id"], snapshot["position"]["rev"]
    last_rev = max(message["rev"] for message in sent)
    await eventually(lambda: reached(socket, room_id, snapshot["position"]["rev"], last_rev))
    ids = [message["id"] for message in snapshot["messages"]]
    for frame in socket.of_room(room_id):
        check_follows(frame, rev)
        # What a healed gap tells again is known by its rev.
        ids += [message["id"] for message in messages_in(frame) if message["rev"] > rev]
        rev = frame["rev"]
    assert all(ids.count(message["id"]) == 1 for message in sent), f"seed {SEED}"


def reached(socket: Socket, room_id: str, rev: int, last_rev: int) -> bool:
    return max([rev, *(frame["rev"] for frame in socket.of_room(room_id))]) >= last_rev


async def test_a_position_at_the_head_before_it_and_beyond_it(anna: Person, bert: Person) -> None:
    """The node serves the room from the reader's first sync on; what lies before is not in its memory."""
    room_id = await anna.create_room(members=(bert,))
    before = [await anna.send(room_id, f"m{index}") for index in range(3)]
    async with bert.socket() as socket:
        position = element(socket.synced, room_id)["position"]
        after = await anna.send(room_id, "after the memory began")
        await socket.wait_for_event("message.created", id=after["id"])
        epoch, first = position["epoch"], position["rev"]
        for behind, state, messages in (
            (-1, "reset", [*before, after]),
            (0, "current", []),
            (1, "caught_up", [after]),
            (2, "caught_up", [before[-1], after]),
            (4, "caught_up", [*before, after]),
        ):
            held = {room_id: {"epoch": epoch, "rev": first + 1 - behind}}
            found = element(await socket.call("sync", {"rooms": held}), room_id)
            assert (found["state"], found["messages"]) == (state, messages)
        for other, state in ((epoch - 1, "reset"), (epoch + 1, "reset")):
            held = {room_id: {"epoch": other, "rev": first + 1}}
            assert element(await socket.call("sync", {"rooms": held}), room_id)["state"] == state


async def test_a_room_joined_or_left_while_sync_is_under_way_is_heard_exactly_if_one_is_in_it(
    stack: Stack, anna: Person, bert: Person
) -> None:
    chance = random.Random(SEED)
    rooms = [await anna.create_room("public") for _ in range(2)]
    for turn in range(ROUNDS):
        joined, left = rooms[turn % 2], rooms[1 - turn % 2]
        async with bert.socket(stack.gateway_urls[turn % 2], sync=False) as socket:
            syncing = socket.start("sync", {"rooms": {}})
            await asyncio.sleep(chance.random() * 0.01)  # so that it falls anywhere in the sync
            await bert.rest("POST", f"/rooms/{joined}/join", {})
            if turn:
                await bert.rest("POST", f"/rooms/{left}/leave", {})
            await check_membership(anna, socket, await syncing, joined, left)


async def check_membership(anna: Person, socket: Socket, synced: Json, joined: str, left: str) -> None:
    """The socket hears the room joined, and not the one left."""
    await eventually(lambda: knows(socket, synced, joined))
    stray = await anna.send(left, "for who is in it")
    message = await anna.send(joined, "for who is in it")
    # Once this one has come, so has what might wrongly have come before it.
    await eventually(lambda: hears(socket, synced, joined, message["id"]))
    assert stray["id"] not in {frame["d"].get("id") for frame in socket.of_room(left)}, f"seed {SEED}"


def knows(socket: Socket, synced: Json, room_id: str) -> bool:
    added = [frame["d"] for frame in socket.frames if frame["ev"] == "room.added"]
    return room_id in {each["room"]["id"] for each in (*synced["rooms"], *added)}


def hears(socket: Socket, synced: Json, room_id: str, message_id: str) -> bool:
    for frame in socket.frames:
        if frame["ev"] == "room.added" and frame["d"]["room"]["id"] == room_id:
            synced = {"rooms": [*synced["rooms"], frame["d"]]}
    told = [each["messages"] for each in synced["rooms"] if each["room"]["id"] == room_id]
    told += [frame["d"].get("messages", [frame["d"]]) for frame in socket.of_room(room_id)]
    return message_id in {message.get("id") for messages in told for message in messages}
