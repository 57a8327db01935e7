"""The generator's side of the socket: frames cut anywhere, openings of each dialect, events of one length."""

import json

import pytest

from bench.load import dialects
from bench.load.triggers import STAMP_DIGITS, STAMP_FROM_END, Events
from bench.load.wire import PING, PING_BYTES, TEXT, FrameReader, text_frame
from services.gateway.frames import decode_event_head
from services.gateway.frames import text_frame as server_frame

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def test_frames_are_read_however_the_bytes_are_cut():
    payloads = [b"a", b"b" * 126, b"c" * 70_000]
    stream = PING_BYTES + b"".join(map(server_frame, payloads))
    for step in (1, 2, 7, len(stream)):
        reader = FrameReader()
        found = [frame for at in range(0, len(stream), step) for frame in reader.feed(stream[at : at + step])]
        assert found == [(PING, b""), *((TEXT, payload) for payload in payloads)]


def test_a_client_frame_is_masked():
    assert text_frame(b"x")[1] & 0x80


def test_a_gateway_socket_is_ready_when_its_sync_is_answered():
    opening = dialects.chatcraft("h", "token")
    assert b"Authorization: Bearer token" in opening.request
    assert b'"op": "sync"' in opening.feed(UPGRADED + server_frame(b'{"ev":"ready","d":{}}'))
    assert not opening.is_ready
    opening.feed(server_frame(b'{"ref":1,"ok":{"rooms":[]}}'))
    assert opening.is_ready


def test_a_gateway_socket_is_ready_only_when_all_that_it_sent_is_answered():
    opening = dialects.chatcraft("h", "token", [("rooms.focus", {"room_ids": []}), dialects.SYNC])
    sent = opening.feed(UPGRADED + server_frame(b'{"ev":"ready","d":{}}'))
    assert sent.index(b"rooms.focus") < sent.index(b'"sync"')
    opening.feed(server_frame(b'{"ref":2,"ok":{"rooms":[]}}'))
    assert not opening.is_ready
    opening.feed(server_frame(b'{"ref":1,"ok":{}}'))
    assert opening.is_ready


def test_a_refused_command_is_said():
    opening = dialects.chatcraft("h", "token")
    with pytest.raises(ConnectionError, match="unavailable"):
        opening.feed(UPGRADED + server_frame(b'{"ref":1,"error":{"code":"unavailable"}}'))


def test_a_refusal_is_said_and_not_waited_for():
    with pytest.raises(ConnectionError, match="401"):
        dialects.plain_websocket("h").feed(b"HTTP/1.1 401 Unauthorized\r\n\r\n")


def test_events_are_dense_and_all_of_one_length_with_the_time_at_a_fixed_place():
    events = Events("0190f3c8-0000-7000-8000-000000000001", rev=99_998)
    made = [events.next(now_ns) for now_ns in (1, 10**15, 7)]
    assert len({len(each) for each in made}) == 1
    assert [decode_event_head(each).rev for each in made] == [99_999, 100_000, 100_001]
    stamps = [int(each[len(each) - STAMP_FROM_END :][:STAMP_DIGITS]) for each in made]
    assert stamps == [1, 10**15, 7]
    assert len(json.loads(made[0])["d"]["text"]) == 200
