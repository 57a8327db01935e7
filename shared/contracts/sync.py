"""The sync command: one snapshot, then the stream. The gateway answers it, from itself or the store."""

from typing import Literal

from msgspec import Struct

from shared.contracts.entities import Member, Membership, Message, Position, Room
from shared.contracts.fields import Cursor, Id, Number
from shared.contracts.registry import GATEWAY_ONLY, Effect, TokenUse, command

SyncState = Literal["current", "caught_up", "reset", "new"]


class HeldPosition(Struct, frozen=True, forbid_unknown_fields=True):
    epoch: Number
    rev: Number


class Sync(Struct, frozen=True):
    """The positions that the client holds, by room; a next page repeats the request with `cursor`."""

    rooms: dict[Id, HeldPosition] = {}
    cursor: Cursor | None = None
    only: bool | None = False


class SyncElement(Struct, frozen=True):
    room: Room
    membership: Membership
    position: Position
    state: SyncState
    messages: list[Message]
    members: list[Member]


class Synced(Struct, frozen=True):
    rooms: list[SyncElement]
    left: list[str]
    next_cursor: str | None


sync = command(
    "sync", Sync, Synced, "Catch up with all rooms, and attach to them",
    service="gateway", doors=GATEWAY_ONLY, effect=Effect.READ, tokens=TokenUse.ANY,
)  # fmt: skip
