"""Messages through the doors: committed before acked, once, in one order for everybody on every node."""

import asyncio
from itertools import pairwise

import pytest

from tests.stack import Stack
from tests.wire import People, Person, Refused, check_follows, messages_in, new_id


async def test_a_message_reaches_the_other_node_with_the_bytes_of_its_reply(
    anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket:
        message = await anna.send(room_id, "hello **there**")
        event = await socket.wait_for_event("message.created", id=message["id"])
        assert event["d"] == message
        assert event["room_id"] == room_id
        assert event["rev"] == message["rev"]
        assert message["seq"] == 1
        assert message["sender_id"] == anna.id


async def test_every_key_of_a_message_is_there(anna: Person) -> None:
    room_id = await anna.create_room()
    message = await anna.send(room_id, "hello")
    assert set(message) == {
        "id", "room_id", "seq", "rev", "thread_id", "reply_to", "sender_id", "kind", "text", "content",
        "mentions", "files", "reactions", "reply_count", "last_reply_at", "pinned_at", "created_at",
        "edited_at", "deleted_at",
    }  # fmt: skip
    assert message["mentions"] == {"user_ids": [], "room": False, "here": False}


async def test_the_same_id_again_on_any_node_is_the_stored_message(stack: Stack, anna: Person) -> None:
    room_id = await anna.create_room()
    body = {"id": new_id(), "text": "once"}
    first = await anna.rest("POST", f"/rooms/{room_id}/messages", body)
    async with anna.socket(stack.gateway_urls[1]) as socket:
        second = await socket.call("messages.send", {"room_id": room_id, **body, "text": "twice"})
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert second["message"] == first["message"]


async def test_the_same_id_sent_forty_times_at_once_is_stored_once(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    body = {"id": new_id(), "text": "once"}
    async with bert.socket() as socket:
        sent = await asyncio.gather(
            *(anna.rest("POST", f"/rooms/{room_id}/messages", body) for _ in range(40))
        )
        assert sum(not each["duplicate"] for each in sent) == 1
        marker = await anna.send(room_id, "after")
        await socket.wait_for_event("message.created", id=marker["id"])
        created = [frame for frame in socket.of_room(room_id) if frame["ev"] == "message.created"]
        assert [frame["d"]["text"] for frame in created] == ["once", "after"]


async def test_the_id_of_another_senders_message_is_a_conflict(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    message = await anna.send(room_id, "mine")
    with pytest.raises(Refused) as caught:
        await bert.send(room_id, "taken over", id=message["id"])
    assert (caught.value.status, caught.value.code) == (409, "conflict")


async def test_edit_and_delete_reach_everybody_and_keep_the_place(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    message = await anna.send(room_id, "frist")
    path = f"/rooms/{room_id}/messages/{message['id']}"
    async with bert.socket() as socket:
        edited = await anna.rest("PATCH", path, {"text": "first"})
        deleted = await anna.rest("DELETE", path)
        assert (await socket.wait_for_event("message.updated", id=message["id"]))["d"] == edited
        assert (await socket.wait_for_event("message.deleted", id=message["id"]))["d"] == deleted
    assert edited["edited_at"] is not None
    assert (deleted["text"], deleted["seq"]) == ("", message["seq"])
    assert deleted["deleted_at"] is not None
    listed = await bert.rest("GET", f"/rooms/{room_id}/messages")
    assert listed["messages"] == [deleted]


async def test_only_the_author_edits(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    message = await anna.send(room_id, "mine")
    with pytest.raises(Refused) as caught:
        await bert.rest("PATCH", f"/rooms/{room_id}/messages/{message['id']}", {"text": "yours"})
    assert caught.value.code == "forbidden"


async def test_sixteen_senders_over_two_nodes_give_everybody_one_dense_order(
    stack: Stack, people: People, anna: Person
) -> None:
    others = [await people.register("sender", node=index % 2) for index in range(7)]
    senders = [anna, *others]
    room_id = await anna.create_room(members=tuple(others))
    async with anna.socket() as here, others[0].socket() as there:
        sent = await asyncio.gather(
            *(person.send(room_id, f"{index}") for index in range(10) for person in senders for _ in range(2))
        )
        sent.sort(key=lambda message: message["seq"])
        assert [message["seq"] for message in sent] == list(range(1, 10 * len(senders) * 2 + 1))
        for socket in (here, there):
            await socket.wait_for(lambda frame: frame.get("rev", 0) >= sent[-1]["rev"])
            for before, after in pairwise(socket.of_room(room_id)):
                check_follows(after, before["rev"])
            told = [message for frame in socket.of_room(room_id) for message in messages_in(frame)]
            assert list({message["id"]: message for message in told}.values()) == sent


async def test_the_three_anchors_page_through_a_timeline(anna: Person) -> None:
    room_id = await anna.create_room()
    for index in range(1, 13):
        await anna.send(room_id, f"m{index}")

    async def seqs(query: str) -> tuple[list[int], bool, bool]:
        page = await anna.rest("GET", f"/rooms/{room_id}/messages?limit=5{query}")
        return [each["seq"] for each in page["messages"]], page["has_before"], page["has_after"]

    assert await seqs("") == ([8, 9, 10, 11, 12], True, False)
    assert await seqs("&before_seq=8") == ([3, 4, 5, 6, 7], True, True)
    assert await seqs("&before_seq=3") == ([1, 2], False, True)
    assert await seqs("&after_seq=10") == ([11, 12], True, False)
    around, before, after = await seqs("&around_seq=6")
    assert 6 in around
    assert len(around) == 5
    assert (before, after) == (True, True)
    with pytest.raises(Refused) as caught:
        await seqs("&before_seq=3&after_seq=1")
    assert caught.value.code == "invalid_input"


async def test_read_marks_count_and_reach_all_devices(stack: Stack, anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as phone, bert.socket(stack.gateway_urls[0]) as laptop:
        for index in range(4):
            await anna.send(room_id, f"<@{bert.id}> m{index}" if index == 3 else f"m{index}")
        membership = await phone.call("read.mark", {"room_id": room_id, "seq": 2})
        assert (membership["read_seq"], membership["unread"], membership["mentions"]) == (2, 2, 1)
        event = await laptop.wait_for_event("read.updated", room_id=room_id, read_seq=2)
        assert event["d"] == membership
        assert event["user_rev"] > 0
        back = await phone.call("read.mark", {"room_id": room_id, "seq": 1})
        assert back["read_seq"] == 2
        back = await phone.call("read.mark", {"room_id": room_id, "seq": 1, "unread": True})
        assert (back["read_seq"], back["unread"]) == (1, 3)
        with pytest.raises(Refused) as caught:
            await phone.call("read.mark", {"room_id": room_id, "seq": 99})
        assert caught.value.error["details"]["fields"][0]["path"] == "seq"


async def test_changes_are_the_present_state_of_all_that_changed(anna: Person) -> None:
    room_id = await anna.create_room()
    first = await anna.send(room_id, "one")
    second = await anna.send(room_id, "two")
    room = await anna.rest("GET", f"/rooms/{room_id}")
    edited = await anna.rest("PATCH", f"/rooms/{room_id}/messages/{first['id']}", {"text": "ONE"})
    query = f"epoch={room['epoch']}&after_rev={first['rev']}"
    changes = await anna.rest("GET", f"/rooms/{room_id}/changes?{query}")
    assert changes["reset"] is False
    assert {each["id"]: each["text"] for each in changes["messages"]} == {
        first["id"]: "ONE",
        second["id"]: "two",
    }
    assert changes["position"] == {"epoch": room["epoch"], "rev": edited["rev"]}
    reset = await anna.rest("GET", f"/rooms/{room_id}/changes?epoch={room['epoch'] + 1}&after_rev=0")
    assert (reset["reset"], reset["messages"], reset["members"]) == (True, [], [])


async def test_what_one_connection_pipelines_is_stored_in_its_order_and_each_is_answered_for_itself(
    anna: Person, bert: Person
) -> None:
    """Sends that wait behind each other go together; what stands between them keeps its place."""
    room_id = await anna.create_room(members=(bert,))
    kept = await anna.send(room_id, "first")
    bodies = [{"room_id": room_id, "id": new_id(), "text": f"m{number}"} for number in range(40)]
    bodies[11] |= {"reply_to": new_id()}  # of no message
    bodies[23] = bodies[22]  # once more
    async with anna.socket() as socket, bert.socket() as reader:
        started = [socket.start("messages.send", body) for body in bodies[:30]]
        edit = socket.start("messages.edit", {"room_id": room_id, "message_id": kept["id"], "text": "edited"})
        started += [socket.start("messages.send", body) for body in bodies[30:]]
        answers = await asyncio.gather(*started, return_exceptions=True)
        edited = await edit
        refused = answers.pop(11)
        assert isinstance(refused, Refused)
        assert refused.code == "not_found"
        duplicates = [number for number, answer in enumerate(answers) if answer["duplicate"]]
        assert duplicates == [22]
        assert answers[22]["message"] == answers.pop(21)["message"]
        sent = [answer["message"] for answer in answers]
        assert [message["seq"] for message in sent] == list(range(2, 40))
        assert sent[27]["rev"] < edited["rev"] < sent[28]["rev"]
        await reader.wait_for_event("message.created", id=sent[-1]["id"])
        heard = [frame["d"]["id"] for frame in reader.of_room(room_id) if frame["ev"] == "message.created"]
        assert heard == [message["id"] for message in sent]
