"""What an importer hands to the services: people, rooms and their history, in no foreign product's shape.

Lines of JSON from `deploy` to `python -m services.<auth|messages>.importing`, and one reply for each.
"""

from datetime import datetime

from msgspec import Struct, field

from shared.contracts.entities import MemberRole, RoomKind
from shared.contracts.fields import Bio, DisplayName, Email, Id, Timezone, Username


class Person(Struct, frozen=True):
    """Somebody who is to have an account. `id` is made of where they come from, and so is always the same."""

    id: Id
    username: Username
    """Wanted; numbered if somebody has it."""
    display_name: DisplayName
    email: Email | None = None
    bio: Bio = ""
    timezone: Timezone | None = None
    is_bot: bool = False
    is_active: bool = True


class SettlePeople(Struct, frozen=True, tag="settle_people"):
    """Give each of them an account: the one they had, the one with their verified e-mail, or a new one."""

    people: list[Person]


class Account(Struct, frozen=True):
    person_id: str
    user_id: str
    username: str
    is_new: bool
    needs_password: bool
    """Made by an import for a person, and nobody can sign in to it yet."""


class Settled(Struct, frozen=True):
    """In the order asked."""

    accounts: list[Account]


class FirstPassword(Struct, frozen=True):
    user_id: Id
    password: str


class SetPasswords(Struct, frozen=True, tag="set_passwords"):
    """Passwords for accounts that have none; others stay as they are. At most 100."""

    passwords: list[FirstPassword]


class PasswordsSet(Struct, frozen=True):
    count: int


AuthRequest = SettlePeople | SetPasswords


class HistoryReaction(Struct, frozen=True):
    emoji: str
    user_ids: list[str]
    """In the order of reacting, each once."""


class HistoryMessage(Struct, frozen=True):
    """A message as it was. `thread_id` names a message of the same room; unknown: the main timeline."""

    id: str
    sender_id: str
    text: str
    created_at: datetime
    thread_id: str | None = None
    edited_at: datetime | None = None
    pinned_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: list[HistoryReaction] = field(default_factory=list)


class RoomHead(Struct, frozen=True):
    """What a room is made of, if it is not there yet; one that is there keeps its own."""

    id: Id
    kind: RoomKind
    name: str | None
    topic: str
    user_ids: list[str] | None
    """DMs: everybody in it, sorted. They are members from the first batch on."""
    created_by: Id
    created_at: datetime


class RoomMember(Struct, frozen=True):
    user_id: Id
    role: MemberRole


class RoomEnd(Struct, frozen=True):
    """The history is complete: the room opens, and its members come in."""

    members: list[RoomMember]
    is_archived: bool = False


class HistoryBatch(Struct, frozen=True):
    """A part of a room's history, oldest first; in one transaction, and skipped where it is there already."""

    room: RoomHead
    messages: list[HistoryMessage]
    end: RoomEnd | None = None


class BatchStored(Struct, frozen=True):
    """`added` new messages, `known` ones that were there; `refused` says why nothing was done."""

    added: int = 0
    known: int = 0
    joined: int = 0
    orphans: int = 0
    """Of the added: replies without a root, which stand in the main timeline."""
    full_user_ids: list[str] = field(default_factory=list)
    """Who is in as many rooms as anybody may be, and so did not come in."""
    refused: str | None = None
