"""The client's small pure parts: requests over REST, plans after a close, errors, feeds."""

import asyncio

import pytest

from chatcraft_client import ChatCraftError, Event, EventFeed
from chatcraft_client.backoff import plan_after_close
from chatcraft_client.rest import build_request
from shared.contracts import members, messages, presence, rooms, users
from shared.contracts.registry import iter_commands
from tests.unit.client.shapes import ME, ROOM, user_id


def highest(_low: float, high: float) -> float:
    return high


def test_the_fields_of_the_path_are_not_repeated_in_the_body():
    built = build_request(messages.send, messages.SendMessage(ROOM, user_id(7), "hi"))
    assert (built.method, built.path) == ("POST", f"/api/v1/rooms/{ROOM}/messages")
    assert built.body is not None
    assert b"room_id" not in built.body


def test_a_read_puts_its_fields_into_the_query_and_leaves_out_what_is_absent():
    built = build_request(messages.list_messages, messages.ListMessages(ROOM, after_seq=3))
    assert built.query == {"after_seq": "3", "limit": "50"}
    assert built.body is None


def test_several_ids_are_one_field_of_the_query():
    assert build_request(users.get, users.GetUsers([ME, ROOM])).query == {"ids": f"{ME},{ROOM}"}


def test_a_field_that_was_not_set_stays_absent():
    built = build_request(rooms.update, rooms.UpdateRoom(ROOM, topic="new"))
    assert built.body == b'{"topic":"new"}'


def test_a_path_cannot_be_broken_out_of():
    built = build_request(members.remove, members.OneMember(ROOM, "../../x?y"))
    assert built.path == f"/api/v1/rooms/{ROOM}/members/..%2F..%2Fx%3Fy"


def test_a_command_of_the_socket_alone_has_no_request():
    with pytest.raises(ValueError, match="no REST door"):
        build_request(presence.typing_start, presence.Typing(ROOM))


def test_every_path_names_fields_of_its_request():
    for command in iter_commands():
        for name in command.http.path_fields if command.http else ():
            assert name in command.request.__struct_fields__


@pytest.mark.parametrize("code", [4500, 4501, 4502, 4503, 4999])
def test_codes_from_4500_on_are_final(code):
    assert plan_after_close(code, 0).is_final


@pytest.mark.parametrize("code", [None, 1006, 1009, 4000, 4002, 4004])
def test_other_ends_are_answered_with_doubling_jitter_up_to_thirty_seconds(code):
    delays = [plan_after_close(code, attempt, uniform=highest).delay_s for attempt in range(8)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_drained_node_is_left_within_the_time_it_gave():
    assert plan_after_close(1012, 9, drain_ms=2_500, uniform=highest).delay_s == 2.5


def test_an_expired_token_is_refreshed_first():
    assert plan_after_close(4003, 0).refresh_first


def test_an_error_that_is_not_of_the_protocol_is_told_by_its_status():
    assert ChatCraftError.from_http(502, b"<html>").code == "unavailable"
    assert ChatCraftError.from_http(404, b"<html>").code == "bad_reply"
    assert ChatCraftError.from_http(404, b'{"error":{"code":"brand_new","message":"x"}}').code == "brand_new"


async def test_a_feed_that_overflows_says_so_once_and_goes_on():
    feed = EventFeed(2, lambda _feed: None)
    for index in range(4):
        feed.put(Event(f"e{index}", None))
    assert [(await anext(feed)).name, (await anext(feed)).name] == ["e0", "e1"]
    with pytest.raises(ChatCraftError, match="lagged"):
        await anext(feed)
    feed.put(Event("e9", None))
    assert (await anext(feed)).name == "e9"


async def test_a_feed_ends_after_what_it_holds():
    feed = EventFeed(2, lambda _feed: None)
    feed.put(Event("last", None))
    feed.finish(None)
    assert [event.name async for event in feed] == ["last"]


async def test_waiting_for_an_event_has_a_deadline():
    with pytest.raises(TimeoutError):
        await EventFeed(2, lambda _feed: None).until(lambda _event: True, timeout_s=0.01)
    assert asyncio.current_task() is not None
