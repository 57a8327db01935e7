"""What is a user's own reaches all of their devices and nobody else, on any node; links leave no trace."""

from tests.stack import Stack
from tests.wire import Person


async def test_drafts_saved_messages_and_settings_reach_every_device(
    stack: Stack, anna: Person, bert: Person
):
    room_id = await anna.create_room(members=(bert,))
    message = await anna.send(room_id, "keep this")
    urls = stack.gateway_urls
    async with anna.socket(urls[0]) as desk, anna.socket(urls[1]) as phone, bert.socket() as other:
        draft = await desk.call("drafts.set", {"room_id": room_id, "text": "half"})
        mark = await anna.rest("PUT", f"/rooms/{room_id}/messages/{message['id']}/saved")
        await phone.call("rooms.set_notify", {"room_id": room_id, "notify": "none"})
        for socket in (desk, phone):
            assert (await socket.wait_for_event("draft.updated"))["d"] == draft
            assert (await socket.wait_for_event("saved.updated"))["d"] == mark
            assert (await socket.wait_for_event("read.updated"))["d"]["notify"] == "none"
        await anna.send(room_id, "the end")
        await other.wait_for_event("message.created", text="the end")
        assert not {"draft.updated", "saved.updated", "read.updated"} & {each["ev"] for each in other.frames}
    assert (await anna.rest("GET", "/drafts"))["drafts"] == [draft]
    [saved] = (await anna.rest("GET", "/saved"))["saved"]
    assert saved == {"message": message, "saved_at": mark["saved_at"]}
    assert await bert.rest("GET", "/drafts") == {"drafts": [], "next_cursor": None}


async def test_a_link_brings_its_holder_in_live_and_its_code_is_in_no_log(
    stack: Stack, anna: Person, bert: Person
):
    stack.mark_logs()
    room_id = await anna.create_room()
    code = (await anna.rest("POST", f"/rooms/{room_id}/invites", {"max_uses": 1}))["code"]
    async with bert.socket() as socket:
        shown = await bert.rest("POST", "/invites/preview", {"code": code})
        assert shown["room_id"] == room_id
        mine = await socket.call("invites.accept", {"code": code})
        added = await socket.wait_for_event("room.added")
        assert added["d"]["membership"] == mine
        await anna.send(room_id, "welcome")
        await socket.wait_for_event("message.created", text="welcome")
        await anna.rest("PUT", f"/rooms/{room_id}/bans/{bert.id}")
        removed = await socket.wait_for_event("room.removed")
        assert removed["d"] == {"room_id": room_id, "reason": "banned"}
    assert code not in stack.read_logs()
