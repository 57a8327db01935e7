"""The wire as values: a command to bytes, bytes to a reply or an event. Pure; only `connection` uses it."""

import logging
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw, Struct

from chatcraft_client.errors import ErrorShape
from shared.contracts.entities import Message
from shared.contracts.events import EVENTS

log = logging.getLogger("chatcraft_client")

ROOM_SYNCED = "room.synced"
"""This client's own event: an element of `sync` was taken in. Its data is the SyncElement."""


@dataclass(slots=True)
class Event:
    """One thing that happened, already taken into the state.

    `data` is the struct that the registry names for `name`; None for an event of a newer server.
    """

    name: str
    data: Any
    room_id: str | None = None
    epoch: int | None = None
    rev: int | None = None
    user_rev: int | None = None
    new_messages: list[Message] = field(default_factory=list)
    """Messages that this client had not met and that were written since it follows the room."""


class Frame(Struct, frozen=True):
    """Any frame of the server: a reply has `ref`, an event `ev`."""

    ev: str = ""
    ref: int | None = None
    ok: Raw = Raw()
    error: ErrorShape | None = None
    d: Raw = Raw(b"null")
    room_id: str | None = None
    epoch: int | None = None
    rev: int | None = None
    user_rev: int | None = None


decode_frame = msgspec.json.Decoder(Frame).decode
_decoders = {name: msgspec.json.Decoder(event.data) for name, event in EVENTS.items()}


def encode_command(op: str, ref: int, request: Struct) -> bytes:
    """Return the frame of a command."""
    return msgspec.json.encode({"op": op, "ref": ref, "d": request})


def to_event(frame: Frame) -> Event:
    """Decode an event's data; the place in its timeline counts even where the data is not understood."""
    decoder = _decoders.get(frame.ev)
    data = None
    if decoder is not None:
        try:
            data = decoder.decode(frame.d)
        except msgspec.DecodeError as exc:
            log.warning("event %s is not understood: %s", frame.ev, exc)
    return Event(frame.ev, data, frame.room_id, frame.epoch, frame.rev, frame.user_rev)
