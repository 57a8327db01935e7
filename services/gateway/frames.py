"""The bytes of frames: RFC 6455 server text frames, and the JSON envelopes of the protocol. Pure."""

import json
import struct
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError

Ref = Annotated[int, Meta(ge=1, le=2**53 - 1)]

_TEXT_FIN = 0x81
_LENGTH_7_MAX = 125
_LENGTH_16_MAX = 0xFFFF
_LENGTH_16 = 126
_LENGTH_64 = 127


class ClientFrame(Struct, forbid_unknown_fields=True, frozen=True):
    """`{"op", "ref", "d"}` with the payload left raw."""

    ref: Ref
    op: str
    d: Raw = Raw(b"{}")


class _OnlyRef(Struct, frozen=True):
    ref: Ref


class EventHead(Struct, frozen=True):
    """What the hub reads of a room event."""

    epoch: int
    rev: int


class UserEventHead(Struct, frozen=True):
    """What the gateway reads of a user event; `d` is read only where it must be."""

    ev: str
    user_rev: int = 0
    """0: a signal, which has no place in the user's timeline and is in no snapshot."""
    d: Raw = Raw(b"{}")


class ProtocolViolation(Exception):  # noqa: N818 - named as the close code is
    """Not a JSON object, or no usable `ref`: nothing can be answered."""

    code = CloseCode.PROTOCOL_VIOLATION


_client_frame = msgspec.json.Decoder(ClientFrame)
_only_ref = msgspec.json.Decoder(_OnlyRef)
decode_event_head = msgspec.json.Decoder(EventHead).decode
decode_user_event_head = msgspec.json.Decoder(UserEventHead).decode
encode = msgspec.json.encode


def decode_client_frame(data: bytes) -> ClientFrame | int:
    """Return the frame, or the bare `ref` of one that deserves `bad_frame`. Raises ProtocolViolation."""
    try:
        frame = _client_frame.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_refused_frame(data)
    return frame if bytes(frame.d)[:1] == b"{" else frame.ref


def _decode_refused_frame(data: bytes) -> ClientFrame | int:
    """Find the `ref` at least. Lone surrogates in `d`, which msgspec refuses, are left to validation."""
    try:
        return _only_ref.decode(data).ref
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        fields = json.loads(data, parse_constant=_refuse_constant)
        ref = msgspec.convert(fields, _OnlyRef).ref
        d = fields.get("d", {})
        op = fields.get("op")
        is_frame = isinstance(op, str) and op.isascii() and isinstance(d, dict)
        if not is_frame or set(fields) - {"ref", "op", "d"}:
            return ref
        return ClientFrame(ref, op, Raw(json.dumps(d).encode()))
    except (ValueError, RecursionError) as exc:
        raise ProtocolViolation from exc


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def text_frame(payload: bytes) -> bytes:
    """Return one unmasked, final text frame (RFC 6455, section 5.2)."""
    return frame_bytes(_TEXT_FIN, payload)


def frame_bytes(head: int, payload: bytes) -> bytes:
    """Return one unmasked frame with that first byte."""
    length = len(payload)
    if length <= _LENGTH_7_MAX:
        return bytes((head, length)) + payload
    if length <= _LENGTH_16_MAX:
        return struct.pack("!BBH", head, _LENGTH_16, length) + payload
    return struct.pack("!BBQ", head, _LENGTH_64, length) + payload


def split_frames(frames: bytes) -> list[bytes]:
    """Return the payloads of frames made by `text_frame`, for a transport that frames by itself."""
    payloads = []
    start = 0
    while start < len(frames):
        length, start = frames[start + 1], start + 2
        if length == _LENGTH_16:
            length, start = int.from_bytes(frames[start : start + 2]), start + 2
        elif length == _LENGTH_64:
            length, start = int.from_bytes(frames[start : start + 8]), start + 8
        payloads.append(frames[start : start + length])
        start += length
    return payloads


def reply_payload(ref: int, outcome: bytes) -> bytes:
    """Splice `{"ok":…}` or `{"error":…}` into `{"ref":…,…}` without reading it."""
    return b'{"ref":%d,%b' % (ref, outcome[1:])


def ok(reply: Struct) -> bytes:
    """Return `{"ok":…}`, as a service would answer."""
    return b'{"ok":%b}' % encode(reply)


def bad_frame(problem: str) -> bytes:
    return ChatError(ErrorCode.BAD_FRAME, problem).encode()


def event_payload(event: str, data: Struct) -> bytes:
    """Return an unnumbered frame: ready, draining, signals."""
    return b'{"ev":"%b","d":%b}' % (event.encode(), encode(data))


def user_event_payload(event: str, user_rev: int, data: Struct | Raw) -> bytes:
    return b'{"ev":"%b","user_rev":%d,"d":%b}' % (event.encode(), user_rev, encode(data))


def room_event_payload(event: str, room_id: str, epoch: int, rev: int, data: Struct) -> bytes:
    return b'{"ev":"%b","room_id":"%b","epoch":%d,"rev":%d,"d":%b}' % (
        event.encode(), room_id.encode(), epoch, rev, encode(data),
    )  # fmt: skip


def signal_payload(event: str, room_id: str, data: Struct) -> bytes:
    return b'{"ev":"%b","room_id":"%b","d":%b}' % (event.encode(), room_id.encode(), encode(data))
