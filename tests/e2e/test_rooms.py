"""Rooms and members through the doors: who may do what, and what does not exist for outsiders."""

import asyncio

import pytest

from tests.wire import People, Person, Refused, new_id


async def code_of(call: object) -> str:
    with pytest.raises(Refused) as caught:
        await call  # type: ignore[misc]  # a coroutine
    return caught.value.code


async def test_the_same_people_have_one_conversation_also_when_all_open_it_at_once(
    people: People, anna: Person, bert: Person
) -> None:
    opened = await asyncio.gather(
        *(anna.rest("POST", "/dms", {"user_ids": [bert.id]}) for _ in range(10)),
        *(bert.rest("POST", "/dms", {"user_ids": [anna.id, bert.id]}) for _ in range(10)),
    )
    assert len({room["id"] for room in opened}) == 1
    room = opened[0]
    assert (room["kind"], room["name"]) == ("dm", None)
    assert room["user_ids"] == sorted([anna.id, bert.id])
    assert room["member_count"] == 2


async def test_fields_that_may_be_left_out_may_be_null(anna: Person) -> None:
    """Many clients write null for what they have nothing to say about."""
    nothing = {"id": None, "topic": None, "member_ids": None}
    room = await anna.rest("POST", "/rooms", {"kind": "private", "name": "plans", **nothing})
    assert (room["topic"], room["member_count"]) == ("", 1)
    aside = {"thread_id": None, "reply_to": None, "file_ids": None}
    sent = await anna.send(room["id"], "hello", **aside)
    mark = await anna.rest("POST", f"/rooms/{room['id']}/read", {"seq": 0, "thread_id": None, "unread": None})
    assert mark["read_seq"] == sent["seq"]
    async with anna.socket(sync=False) as socket:
        synced = await socket.call("sync", {"rooms": {}, "cursor": None, "only": None})
        assert [each["room"]["id"] for each in synced["rooms"]] == [room["id"]]


async def test_a_conversation_of_three_is_a_group_and_nobody_can_be_added(
    people: People, anna: Person, bert: Person
) -> None:
    carl = await people.register("carl")
    room = await anna.rest("POST", "/dms", {"user_ids": [bert.id, carl.id]})
    assert room["kind"] == "group_dm"
    dora = await people.register("dora")
    assert (
        await code_of(anna.rest("POST", f"/rooms/{room['id']}/members", {"user_ids": [dora.id]}))
        == "conflict"
    )


async def test_nobody_else_makes_notes_to_self(anna: Person) -> None:
    first = await anna.rest("POST", "/dms", {"user_ids": []})
    second = await anna.rest("POST", "/dms", {"user_ids": [anna.id]})
    assert first["id"] == second["id"]
    assert first["user_ids"] == [anna.id]


async def test_an_unknown_person_cannot_be_talked_to(anna: Person) -> None:
    assert await code_of(anna.rest("POST", "/dms", {"user_ids": [new_id()]})) == "not_found"


async def test_creating_a_room_twice_with_one_id_makes_one_room(anna: Person, bert: Person) -> None:
    body = {"id": new_id(), "kind": "private", "name": "plans"}
    first = await anna.rest("POST", "/rooms", body)
    again = await anna.rest("POST", "/rooms", body)
    assert first["id"] == again["id"] == body["id"]
    assert await code_of(bert.rest("POST", "/rooms", body)) == "conflict"


async def test_a_private_room_does_not_exist_for_outsiders(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room()
    message = await anna.send(room_id, "secret")
    calls = [
        ("GET", f"/rooms/{room_id}", None),
        ("PATCH", f"/rooms/{room_id}", {"name": "mine"}),
        ("POST", f"/rooms/{room_id}/archive", {}),
        ("POST", f"/rooms/{room_id}/join", {}),
        ("POST", f"/rooms/{room_id}/leave", {}),
        ("GET", f"/rooms/{room_id}/members", None),
        ("POST", f"/rooms/{room_id}/members", {"user_ids": [bert.id]}),
        ("DELETE", f"/rooms/{room_id}/members/{anna.id}", None),
        ("PATCH", f"/rooms/{room_id}/members/{anna.id}", {"role": "member"}),
        ("POST", f"/rooms/{room_id}/messages", {"id": new_id(), "text": "hi"}),
        ("GET", f"/rooms/{room_id}/messages", None),
        ("GET", f"/rooms/{room_id}/messages/{message['id']}", None),
        ("PATCH", f"/rooms/{room_id}/messages/{message['id']}", {"text": "x"}),
        ("DELETE", f"/rooms/{room_id}/messages/{message['id']}", None),
        ("POST", f"/rooms/{room_id}/read", {"seq": 1}),
        ("GET", f"/rooms/{room_id}/changes?epoch=1&after_rev=0", None),
    ]
    for method, path, body in calls:
        assert await code_of(bert.rest(method, path, body)) == "not_found", (method, path)
    async with bert.socket() as socket:
        for op in ("typing.start", "typing.stop"):
            assert await code_of(socket.call(op, {"room_id": room_id})) == "not_found"


async def test_a_public_room_shows_itself_but_not_its_content(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room("public")
    message = await anna.send(room_id, "for members")
    assert (await bert.rest("GET", f"/rooms/{room_id}"))["kind"] == "public"
    for method, path, body in [
        ("GET", "/messages", None),
        ("GET", f"/messages/{message['id']}", None),
        ("GET", "/changes?epoch=1&after_rev=0", None),
        ("POST", "/messages", {"id": new_id(), "text": "hi"}),
        ("POST", "/read", {"seq": 1}),
    ]:
        assert await code_of(bert.rest(method, f"/rooms/{room_id}{path}", body)) == "forbidden", path


async def test_a_message_of_another_room_is_not_found_here(anna: Person) -> None:
    one, other = await anna.create_room(), await anna.create_room()
    message = await anna.send(one, "here")
    assert await code_of(anna.rest("GET", f"/rooms/{other}/messages/{message['id']}")) == "not_found"
    assert await code_of(anna.send(other, "reply", reply_to=message["id"])) == "not_found"


async def test_public_rooms_are_found_and_private_ones_are_not(anna: Person, bert: Person) -> None:
    name = f"garden {new_id()}"
    for kind in ("public", "private"):
        await anna.rest("POST", "/rooms", {"kind": kind, "name": name})
    found = await bert.rest("GET", "/rooms/public", params={"q": name[:20]})
    assert [room["kind"] for room in found["rooms"] if room["name"] == name] == ["public"]


async def test_roles_decide_who_removes_whom(people: People, anna: Person, bert: Person) -> None:
    carl = await people.register("carl")
    room_id = await anna.create_room(members=(bert, carl))
    members = f"/rooms/{room_id}/members"
    assert await code_of(bert.rest("DELETE", f"{members}/{carl.id}")) == "forbidden"
    assert await code_of(bert.rest("PATCH", f"{members}/{bert.id}", {"role": "owner"})) == "forbidden"
    promoted = await anna.rest("PATCH", f"{members}/{bert.id}", {"role": "moderator"})
    assert promoted["role"] == "moderator"
    assert await code_of(bert.rest("DELETE", f"{members}/{anna.id}")) == "forbidden"
    assert await bert.rest("DELETE", f"{members}/{carl.id}") == {}
    listed = await anna.rest("GET", members)
    assert {each["user_id"] for each in listed["members"]} == {anna.id, bert.id}
    assert await code_of(anna.rest("POST", f"/rooms/{room_id}/leave", {})) == "conflict"


async def test_an_archived_room_takes_no_more_messages(anna: Person) -> None:
    room_id = await anna.create_room()
    async with anna.socket() as socket:
        archived = await anna.rest("POST", f"/rooms/{room_id}/archive", {})
        assert archived["archived_at"] is not None
        await socket.wait_for_event("room.archived", id=room_id)
    assert await code_of(anna.send(room_id, "too late")) == "conflict"


async def test_a_new_name_reaches_everybody(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket:
        room = await anna.rest("PATCH", f"/rooms/{room_id}", {"name": "Garden", "topic": "roses"})
        event = await socket.wait_for_event("room.updated", id=room_id)
        assert (event["d"]["name"], event["d"]["topic"]) == ("Garden", "roses")
        assert event["rev"] == room["rev"]


async def test_a_path_or_method_that_is_not_there_is_refused_in_the_one_shape(anna: Person) -> None:
    for method, path in [
        ("GET", "/nothing"),
        ("DELETE", "/rooms"),
        ("PUT", "/auth/login"),
        ("GET", "/auth/login"),
    ]:
        assert await code_of(anna.rest(method, path)) == "not_found", (method, path)
