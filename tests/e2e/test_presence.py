"""Presence and typing through the doors, over several devices and nodes."""

from tests.stack import Stack
from tests.wire import Person, Socket, eventually


async def is_online(person: Person) -> bool:
    seen = await person.rest("GET", "/presence", params={"user_ids": person.id})
    return bool(seen["presences"][0]["status"] == "online")


async def shown(watcher: Socket, person: Person, status: str) -> None:
    await watcher.wait_for(
        lambda frame: (
            frame["ev"] == "presence.changed"
            and (frame["d"]["user_id"], frame["d"]["status"]) == (person.id, status)
        )
    )
    watcher.frames[:] = [frame for frame in watcher.frames if frame["ev"] != "presence.changed"]


async def test_a_user_is_online_while_any_device_on_any_node_is(
    stack: Stack, anna: Person, bert: Person
) -> None:
    async with anna.socket() as watcher:
        snapshot = await watcher.call("presence.watch", {"user_ids": [bert.id]})
        assert [(each["user_id"], each["status"]) for each in snapshot["presences"]] == [(bert.id, "offline")]
        async with bert.socket(sync=False):
            await shown(watcher, bert, "online")
            async with bert.socket(stack.gateway_urls[0], sync=False):
                pass
        await shown(watcher, bert, "offline")


async def test_a_status_reaches_watchers_and_invisible_looks_offline(anna: Person, bert: Person) -> None:
    async with anna.socket() as watcher, bert.socket() as device:
        await watcher.call("presence.watch", {"user_ids": [bert.id]})
        own = await device.call("presence.set", {"status": "dnd", "text": "in a meeting"})
        assert (own["status"], own["text"]) == ("dnd", "in a meeting")
        await shown(watcher, bert, "dnd")
        await device.call("presence.set", {"status": "invisible"})
        await shown(watcher, bert, "offline")
        seen = await watcher.call("presence.get", {"user_ids": [bert.id]})
        assert seen["presences"] == [
            {"user_id": bert.id, "status": "offline", "text": None, "last_active_at": None}
        ]


async def test_who_says_nothing_has_no_text_rather_than_an_empty_one(anna: Person, bert: Person) -> None:
    async with anna.socket() as watcher, bert.socket() as device:
        await watcher.call("presence.watch", {"user_ids": [bert.id]})
        await device.call("presence.set", {"status": "away", "text": "lunch"})
        await shown(watcher, bert, "away")
        for nothing in ({}, {"text": None}, {"text": ""}):
            own = await device.call("presence.set", {"status": "dnd", **nothing})
            assert own["text"] is None
        seen = await watcher.call("presence.get", {"user_ids": [bert.id, anna.id]})
        assert [each["text"] for each in seen["presences"]] == [None, None]


async def test_whoever_stops_watching_is_told_nothing_more(anna: Person, bert: Person) -> None:
    async with anna.socket() as watcher, anna.socket() as other:
        for socket in (watcher, other):
            await socket.call("presence.watch", {"user_ids": [bert.id]})
        await watcher.call("presence.unwatch", {"user_ids": [bert.id]})
        async with bert.socket(sync=False):
            await shown(other, bert, "online")
            assert not [frame for frame in watcher.frames if frame["ev"] == "presence.changed"]


async def test_typing_is_told_to_the_room_on_every_node_and_stored_nowhere(
    anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with anna.socket() as typist, bert.socket() as reader:
        await eventually(lambda: is_online(anna))
        await typist.call("typing.start", {"room_id": room_id})
        started = await reader.wait_for_event("typing.changed", user_id=anna.id)
        assert started["room_id"] == room_id
        assert started["d"]["until_at"].endswith("Z")
        assert "rev" not in started
        await typist.call("typing.stop", {"room_id": room_id})
        await reader.wait_for_event("typing.changed", user_id=anna.id, until_at=None)


async def test_nobody_sees_an_invisible_person_type(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with anna.socket() as typist, bert.socket() as reader:
        await typist.call("presence.set", {"status": "invisible"})
        await typist.call("typing.start", {"room_id": room_id})
        message = await anna.send(room_id, "here I am")
        await reader.wait_for_event("message.created", id=message["id"])
        assert "typing.changed" not in {frame["ev"] for frame in reader.frames}
