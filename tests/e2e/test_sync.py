"""Sync and resume through the doors: one snapshot, then the stream, on any node."""

import asyncio
from typing import Any

import pytest

from tests.stack import Stack
from tests.wire import People, Person, Refused, Socket, check_follows, eventually, messages_in, new_id


def element(synced: Any, room_id: str) -> Any:
    return next(each for each in synced["rooms"] if each["room"]["id"] == room_id)


async def test_a_room_not_named_is_new_with_its_newest_messages(anna: Person) -> None:
    room_id = await anna.create_room()
    for index in range(32):
        await anna.send(room_id, f"m{index}")
    async with anna.socket() as socket:
        found = element(socket.synced, room_id)
        assert found["state"] == "new"
        assert [each["seq"] for each in found["messages"]] == list(range(3, 33))
        assert found["members"] == []
        assert found["position"] == {"epoch": found["room"]["epoch"], "rev": found["room"]["rev"]}
        assert found["membership"]["user_id"] == anna.id


async def test_the_states_of_a_position_held(anna: Person) -> None:
    room_id = await anna.create_room()
    await anna.send(room_id, "one")
    async with anna.socket() as socket:
        held = element(socket.synced, room_id)["position"]
        current = element(await socket.call("sync", {"rooms": {room_id: held}}), room_id)
        assert (current["state"], current["messages"]) == ("current", [])
        message = await anna.send(room_id, "two")
        caught_up = element(await socket.call("sync", {"rooms": {room_id: held}}), room_id)
        assert (caught_up["state"], caught_up["messages"]) == ("caught_up", [message])
        for wrong in ({"epoch": held["epoch"] + 1, "rev": 0}, {"epoch": held["epoch"], "rev": 10_000}):
            reset = element(await socket.call("sync", {"rooms": {room_id: wrong}}), room_id)
            assert reset["state"] == "reset"
            assert len(reset["messages"]) == 2


async def test_rooms_that_the_client_no_longer_belongs_to_are_named_as_left(
    anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    await anna.rest("DELETE", f"/rooms/{room_id}/members/{bert.id}")
    unknown = new_id()
    async with bert.socket(sync=False) as socket:
        held = {"epoch": 1, "rev": 1}
        synced = await socket.call("sync", {"rooms": {room_id: held, unknown: held}})
        assert sorted(synced["left"]) == sorted([room_id, unknown])
        assert synced["rooms"] == []


async def test_only_answers_just_the_named_rooms(anna: Person) -> None:
    rooms = [await anna.create_room() for _ in range(3)]
    async with anna.socket() as socket:
        one = await socket.call("sync", {"rooms": {rooms[1]: {"epoch": 1, "rev": 0}}, "only": True})
        assert [each["room"]["id"] for each in one["rooms"]] == [rooms[1]]


async def test_more_rooms_than_a_page_come_on_further_pages(anna: Person) -> None:
    rooms: set[str] = set()
    for _ in range(6):  # 120 at once may wait longer for a connection to the database than a command may take
        rooms |= set(await asyncio.gather(*(anna.create_room() for _ in range(20))))
    async with anna.socket() as socket:
        assert len(socket.synced["rooms"]) == 100
        rest = await socket.call("sync", {"rooms": {}, "cursor": socket.synced["next_cursor"]})
        assert rest["next_cursor"] is None
        found = [each["room"]["id"] for each in (*socket.synced["rooms"], *rest["rooms"])]
        assert len(found) == 120
        assert set(found) == rooms
        last = found[-1]
        message = await anna.send(last, "to the last")
        await socket.wait_for_event("message.created", id=message["id"])
        with pytest.raises(Refused) as caught:
            await socket.call("sync", {"rooms": {}, "cursor": "999"})
        assert caught.value.code == "invalid_input"


async def test_a_second_sync_is_like_the_first_and_nothing_is_doubled(anna: Person) -> None:
    room_id = await anna.create_room()
    async with anna.socket() as socket:
        again = await socket.call("sync", {"rooms": {}})
        assert element(again, room_id)["state"] == "new"
        first = await anna.send(room_id, "one")
        second = await anna.send(room_id, "two")
        await socket.wait_for_event("message.created", id=second["id"])
        assert [frame["d"]["id"] for frame in socket.of_room(room_id)] == [first["id"], second["id"]]


async def test_whoever_comes_back_on_the_other_node_misses_nothing(
    stack: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    sending = True
    sent: list[str] = []

    async def talk() -> None:
        while sending:
            sent.append((await anna.send(room_id, f"m{len(sent)}"))["id"])

    talking = asyncio.create_task(talk())
    seen: dict[int, str] = {}
    held: dict[str, Any] = {}
    for turn in range(12):
        async with bert.socket(stack.gateway_urls[turn % 2], sync=False) as socket:
            synced = await socket.call("sync", {"rooms": held})
            found = element(synced, room_id)
            assert found["state"] == ("new" if turn == 0 else "caught_up" if found["messages"] else "current")
            take(seen, found["messages"])
            position = found["position"]
            await socket.wait_for(lambda frame: frame.get("room_id") == room_id)
            for frame in socket.of_room(room_id):
                position = follow(seen, frame, position)
            held = {room_id: position}
    sending = False
    await talking
    async with bert.socket(sync=False) as socket:
        take(seen, element(await socket.call("sync", {"rooms": held}), room_id)["messages"])
    assert [seen[seq] for seq in sorted(seen)] == sent
    assert sorted(seen) == list(range(1, len(sent) + 1))


def take(seen: dict[int, str], messages: list[Any]) -> None:
    for message in messages:
        assert seen.setdefault(message["seq"], message["id"]) == message["id"]


def follow(seen: dict[int, str], frame: Any, position: Any) -> Any:
    check_follows(frame, position["rev"])
    take(seen, messages_in(frame))
    return {"epoch": frame["epoch"], "rev": frame["rev"]}


async def test_a_room_one_is_added_to_arrives_attached(anna: Person, bert: Person) -> None:
    async with bert.socket() as socket:
        room_id = await anna.create_room()
        await anna.send(room_id, "before")
        await anna.rest("POST", f"/rooms/{room_id}/members", {"user_ids": [bert.id]})
        added = await socket.wait_for(
            lambda frame: frame["ev"] == "room.added" and frame["d"]["room"]["id"] == room_id
        )
        assert added["d"]["state"] == "new"
        assert [each["text"] for each in added["d"]["messages"]] == ["before"]
        assert added["user_rev"] > 0
        message = await anna.send(room_id, "after")
        event = await socket.wait_for_event("message.created", id=message["id"])
        assert event["rev"] == added["d"]["position"]["rev"] + len(socket.of_room(room_id))


async def test_joining_a_public_room_attaches_every_device(stack: Stack, anna: Person, bert: Person) -> None:
    room_id = await anna.create_room("public")
    async with bert.socket() as phone, bert.socket(stack.gateway_urls[0]) as laptop:
        membership = await phone.call("rooms.join", {"room_id": room_id})
        assert membership["unread"] == 0
        for device in (phone, laptop):
            await device.wait_for(
                lambda frame: frame["ev"] == "room.added" and frame["d"]["room"]["id"] == room_id
            )
        message = await anna.send(room_id, "welcome")
        for device in (phone, laptop):
            await device.wait_for_event("message.created", id=message["id"])


async def test_whoever_is_removed_hears_of_it_and_of_nothing_after(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket, anna.socket() as witness:
        await anna.send(room_id, "before")
        await anna.rest("DELETE", f"/rooms/{room_id}/members/{bert.id}")
        message = await anna.send(room_id, "after")
        await witness.wait_for_event("message.created", id=message["id"])
        left = await socket.wait_for_event("member.left", user_id=bert.id)
        removed = await socket.wait_for_event("room.removed", room_id=room_id)
        assert removed["user_rev"] > 0
        assert left["d"]["left_at"] is not None
        marker = await anna.create_room(members=(bert,))
        await socket.wait_for(
            lambda frame: frame["ev"] == "room.added" and frame["d"]["room"]["id"] == marker
        )
        assert socket.of_room(room_id)[-1] == left
        with pytest.raises(Refused) as caught:
            await socket.call("messages.list", {"room_id": room_id})
        assert caught.value.code == "not_found"


async def test_leaving_and_coming_back_is_heard_again(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room("public")
    async with bert.socket() as socket:
        for turn in range(3):
            await socket.call("rooms.join", {"room_id": room_id})
            # Said before the room is attached here, it would come with it.
            await eventually(lambda count=turn + 1: count_events(socket, "room.added") == count)
            message = await anna.send(room_id, f"turn {turn}")
            await socket.wait_for_event("message.created", id=message["id"])
            await socket.call("rooms.leave", {"room_id": room_id})
            await eventually(lambda count=turn + 1: count_events(socket, "room.removed") == count)


def count_events(socket: Socket, ev: str) -> int:
    return sum(frame["ev"] == ev for frame in socket.frames)


async def test_five_hundred_revs_behind_catches_up_and_one_more_resets(people: People, anna: Person) -> None:
    room_id = await anna.create_room()
    start = (await anna.rest("GET", f"/rooms/{room_id}"))["rev"]
    async with anna.socket() as socket:
        for _ in range(10):
            await asyncio.gather(
                *(
                    socket.call("messages.send", {"room_id": room_id, "id": new_id(), "text": "x"})
                    for _ in range(50)
                )
            )
        room = await anna.rest("GET", f"/rooms/{room_id}")
        assert room["rev"] == start + 500
        for behind, state in ((500, "caught_up"), (501, "reset")):
            held = {room_id: {"epoch": room["epoch"], "rev": room["rev"] - behind}}
            if held[room_id]["rev"] >= 0:
                found = element(await socket.call("sync", {"rooms": held}), room_id)
                assert found["state"] == state
                assert len(found["messages"]) == (500 if state == "caught_up" else 30)
