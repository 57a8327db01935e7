"""Events and signals: every `ev` a client can receive, with the shape of its `d` and what numbers it.

An event is a stored fact and carries `rev`; a signal is ephemeral and does not.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from shared.contracts.entities import (
    Draft,
    Me,
    Member,
    Membership,
    Message,
    Presence,
    Room,
    SavedMark,
    ThreadMark,
)
from shared.contracts.limits import Limits
from shared.contracts.privacy import Export
from shared.contracts.sync import SyncElement


class Timeline(StrEnum):
    """What numbers an event."""

    ROOM = "room"
    USER = "user"
    NONE = "none"


class Ready(Struct, frozen=True):
    user: Me
    login_id: str
    node_id: str
    server_at: str
    limits: Limits


class Draining(Struct, frozen=True):
    retry_after_ms: int


class RoomChanges(Struct, frozen=True):
    """The present state of all that changed after `after_rev`: upsert it."""

    after_rev: int
    messages: list[Message]
    members: list[Member]
    room: Room


class TypingChanged(Struct, frozen=True):
    user_id: str
    thread_id: str | None
    until_at: str | None


class Reacted(Struct, frozen=True):
    """A reaction that came or went, and the message as it is now."""

    message: Message
    emoji: str
    user_id: str


class RoomRemoved(Struct, frozen=True):
    room_id: str
    reason: Literal["left", "removed", "banned"]


class RoomActivity(Struct, frozen=True):
    """That something happened in a crowded room which the connection does not focus."""

    rev: int
    """Where the room is."""
    last_seq: int | None
    """Of the main timeline; null where the node has seen no message yet."""
    mentioned: bool
    """Whether, since the last such signal, somebody else mentioned the user or the room."""
    sent_seq: int | None
    """The user's own last message since then, from another device: what is before it is read."""


class RoomReset(Struct, frozen=True):
    room_id: str


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: type[Struct]
    timeline: Timeline
    summary: str


EVENTS: dict[str, Event] = {
    event.name: event
    for event in (
        Event("ready", Ready, Timeline.NONE, "First frame of a connection"),
        Event("draining", Draining, Timeline.NONE, "The node stops; come back after a random delay"),
        Event("message.created", Message, Timeline.ROOM, "A message was sent"),
        Event("message.updated", Message, Timeline.ROOM, "A message was edited, or its thread grew"),
        Event("message.deleted", Message, Timeline.ROOM, "A message was deleted; it keeps its place"),
        Event("message.pinned", Message, Timeline.ROOM, "A message was pinned"),
        Event("message.unpinned", Message, Timeline.ROOM, "A message was unpinned"),
        Event("reaction.added", Reacted, Timeline.ROOM, "Somebody reacted to a message"),
        Event("reaction.removed", Reacted, Timeline.ROOM, "Somebody took a reaction back"),
        Event("member.joined", Member, Timeline.ROOM, "Somebody came in"),
        Event("member.left", Member, Timeline.ROOM, "Somebody left, or was removed"),
        Event("member.updated", Member, Timeline.ROOM, "A member has another role"),
        Event("room.updated", Room, Timeline.ROOM, "Name, topic or settings changed"),
        Event("room.archived", Room, Timeline.ROOM, "The room is closed for writing"),
        Event("room.changes", RoomChanges, Timeline.ROOM, "All that changed after a position"),
        Event("room.added", SyncElement, Timeline.USER, "The user is in a new room, already attached"),
        Event("room.removed", RoomRemoved, Timeline.USER, "The user is no longer in a room"),
        Event("read.updated", Membership, Timeline.USER, "A read mark or setting moved on some device"),
        Event("thread.updated", ThreadMark, Timeline.USER, "A thread was read or followed on some device"),
        Event("draft.updated", Draft, Timeline.USER, "A draft was written or removed on some device"),
        Event("saved.updated", SavedMark, Timeline.USER, "A message was saved, or is no longer"),
        Event("room.reset", RoomReset, Timeline.USER, "Reload this room: sync with `only`"),
        Event("room.activity", RoomActivity, Timeline.NONE, "Something happened in a crowd, out of focus"),
        Event("typing.changed", TypingChanged, Timeline.NONE, "Somebody types, or stopped"),
        Event("presence.changed", Presence, Timeline.NONE, "A watched person's presence"),
        Event("export.ready", Export, Timeline.NONE, "An export of the user can be downloaded"),
    )
}
