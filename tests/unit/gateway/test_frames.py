"""Frames are RFC 6455 text frames, and envelopes are told from what is none."""

import pytest

from services.gateway.frames import (
    ClientFrame,
    ProtocolViolation,
    decode_client_frame,
    reply_payload,
    split_frames,
    text_frame,
)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_frames_joined_into_one_write_split_into_their_payloads(length: int) -> None:
    payloads = [b"a" * length, b"between", b"b" * length]
    assert split_frames(b"".join(map(text_frame, payloads))) == payloads


def test_a_short_frame_is_final_text_and_unmasked() -> None:
    assert text_frame(b"hi") == b"\x81\x02hi"


def test_a_good_frame_keeps_its_payload_raw() -> None:
    frame = decode_client_frame(b'{"op":"sync","ref":7,"d":{"rooms":{}}}')
    assert isinstance(frame, ClientFrame)
    assert (frame.op, frame.ref, bytes(frame.d)) == ("sync", 7, b'{"rooms":{}}')


def test_an_absent_payload_is_an_empty_object() -> None:
    frame = decode_client_frame(b'{"op":"users.me","ref":1}')
    assert isinstance(frame, ClientFrame)
    assert bytes(frame.d) == b"{}"


@pytest.mark.parametrize(
    "data",
    [
        b'{"ref":7}',
        b'{"ref":7,"op":5}',
        b'{"ref":7,"op":"sync","d":[]}',
        b'{"ref":7,"op":"sync","d":null}',
        b'{"ref":7,"op":"sync","d":"{}"}',
        b'{"ref":7,"op":"sync","e":1}',
    ],
)
def test_a_usable_ref_without_a_usable_rest_can_be_answered(data: bytes) -> None:
    assert decode_client_frame(data) == 7


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b"{",
        b"{}",
        b'{"op":"sync"}',
        b'{"ref":0,"op":"sync"}',
        b'{"ref":-1,"op":"sync"}',
        b'{"ref":1.5,"op":"sync"}',
        b'{"ref":"7","op":"sync"}',
        b'{"ref":9007199254740992,"op":"sync"}',
        b'{"ref":7,"op":"sync"',
        b"[" * 100_000,
    ],
)
def test_no_object_or_no_usable_ref_is_a_protocol_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_client_frame(data)


def test_a_reply_is_the_services_bytes_behind_the_ref() -> None:
    assert reply_payload(3, b'{"ok":{"a":1}}') == b'{"ref":3,"ok":{"a":1}}'


@pytest.mark.parametrize(
    ("raw", "op"),
    [
        (b'{"op":"messages.send","ref":7,"d":{"text":"\\ud800"}}', "messages.send"),
        (b'{"op":"\\ud800","ref":7}', None),
        (b'{"op":"x","ref":7,"d":{"text":"\\ud800"},"z":1}', None),
    ],
)
def test_a_lone_surrogate_is_answered_and_closes_nothing(raw, op):
    frame = decode_client_frame(raw)
    assert frame == 7 if op is None else (frame.op, frame.ref) == (op, 7)


@pytest.mark.parametrize(
    "raw", [b'{"op":"x","ref":7,"d":{"a":NaN}}', b'{"op":"x","ref":0,"d":{"a":"\\ud800"}}']
)
def test_what_is_no_json_or_has_no_ref_stays_a_violation(raw):
    with pytest.raises(ProtocolViolation):
        decode_client_frame(raw)
