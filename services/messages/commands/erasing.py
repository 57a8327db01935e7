"""Erases what is a user's: out of all rooms, then through each room they were in, then their own lists.

The auth service asks, again and again, until there is no cursor. Each call is short, and may come twice.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic

import msgspec
from msgspec import Struct

from services.messages.commands.joining import let_go
from services.messages.domain.access import DM_KINDS
from services.messages.store import erasing as store
from services.messages.store.erasing import STRIDE, WalkedRoom
from services.messages.store.invites import revoke_invites_of
from services.messages.store.members import build_memberships, count_owners, list_named
from services.messages.store.transaction import Database, RoomChange
from services.messages.store.users import UserStep
from services.messages.writer import Job, Writer
from services.messages.writer.job import ERASE_MESSAGE, ERASE_REACTION, EraseMessage, EraseReaction
from shared.bus import Caller
from shared.calls import OK
from shared.contracts.internal import ErasedSome, EraseSome
from shared.errors import ChatError
from shared.tracing import Span

# Well within the time that the caller waits.
_AT_MOST_S = 2.0
# As a part of a batch: those who send meanwhile are in it as well.
_JOBS_AT_ONCE = 100
# In one stride: a part of the time, also on a busy machine.
_WRITTEN_MAX = 300
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
# Before rooms that were held are tried again.
_PAUSE_S = 0.05
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_FIRST_REACTION = (_FIRST_ID, "", _FIRST_ID)


class Place(Struct, frozen=True):
    """How far the walk through the rooms is."""

    room_id: str | None = None
    rev: int = 0
    """Messages up to it are done."""
    reaction: tuple[str, str, str] | None = None
    """Set once all messages are done."""


class Erasing:
    """The handler of one call."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def erase_some(self, asked: EraseSome) -> ErasedSome:
        """Go on for about two seconds. Raises ChatError `unavailable`: ask again with the same cursor."""
        if asked.stage == "rooms":
            return ErasedSome(await self._leave_rooms(asked.user_id, asked.cursor))
        return ErasedSome(await self._walk(asked))

    async def _leave_rooms(self, user_id: str, cursor: str | None) -> str | None:
        """Leave rooms in the order of their ids, those that are held by somebody in another round."""
        deadline_s = monotonic() + _AT_MOST_S
        if cursor is None:
            async with self._database.changing() as transaction:
                await store.mark_erased(transaction.connection, user_id)
        after = cursor or None
        while monotonic() < deadline_s:
            async with self._database.reading() as connection:
                room_id = await store.find_next_present(connection, user_id, after)
            if room_id is not None:
                await self._leave(user_id, room_id)
                after = room_id
            elif after is None:
                return None
            else:
                after = None
                await asyncio.sleep(_PAUSE_S)
        return after or ""

    async def _leave(self, user_id: str, room_id: str) -> None:
        async with self._database.changing() as transaction:
            change = await transaction.claim_room(room_id)
            if change is None:
                return
            member = (await list_named(change.connection, room_id, [user_id])).get(user_id)
            if member is None or member.left_at is not None:
                await store.note_gone(change.connection, room_id, user_id)
                return
            await revoke_invites_of(change.connection, room_id, user_id)
            if member.role == "owner" and change.room.kind not in DM_KINDS:
                await _hand_on(change, user_id)
            member.read_seq, member.own_above, member.notify = 0, 0, "all"
            let_go(change, member, "left")
            room = change.room
            if not room.member_count and room.kind != "public" and room.archived_at is None:
                room.archived_at = change.now
                change.change_room("room.archived")

    async def _walk(self, asked: EraseSome) -> str | None:
        deadline_s = monotonic() + _AT_MOST_S
        place: Place | None = msgspec.json.decode(asked.cursor, type=Place) if asked.cursor else Place()
        while place is not None and monotonic() < deadline_s:
            place = await self._step(asked, place)
        return msgspec.json.encode(place).decode() if place is not None else None

    async def _step(self, asked: EraseSome, place: Place) -> Place | None:
        """Do one stride in one room, or at last the user's own lists; return where to go on."""
        async with self._database.reading() as connection:
            rooms = await store.list_next_rooms(connection, asked.user_id, place.room_id)
        if not rooms:
            return await self._drop_own(asked.user_id, place)
        room = rooms[0]
        if room.id != place.room_id:
            place = Place(room.id)
        if place.reaction is None:
            return await self._erase_texts(asked, room, place)
        after = await self._erase_reactions(asked.user_id, room.id, place.reaction)
        if after is not None:
            return msgspec.structs.replace(place, reaction=after)
        return Place(rooms[1].id) if len(rooms) > 1 else Place(_LAST_ID)

    async def _erase_texts(self, asked: EraseSome, room: WalkedRoom, place: Place) -> Place:
        async with self._database.reading() as connection:
            scanned = await store.scan_messages(connection, room.id, place.rev)
        own = [each for each in scanned if each.sender_id == asked.user_id and each.is_present]
        if _keeps_texts(asked, room):
            async with self._database.changing() as transaction:
                await store.drop_history(transaction.connection, room.id, [each.id for each in own])
        else:
            erasures = [EraseMessage(room_id=room.id, message_id=each.id) for each in own[:_WRITTEN_MAX]]
            await self._write(asked.user_id, ERASE_MESSAGE, erasures)
            if len(own) > _WRITTEN_MAX:
                return Place(room.id, own[_WRITTEN_MAX - 1].rev)
        if len(scanned) == STRIDE:
            return Place(room.id, scanned[-1].rev)
        async with self._database.changing() as transaction:
            await store.clear_membership(transaction.connection, room.id, asked.user_id)
        return Place(room.id, reaction=_FIRST_REACTION)

    async def _erase_reactions(
        self, user_id: str, room_id: str, after: tuple[str, str, str]
    ) -> tuple[str, str, str] | None:
        async with self._database.reading() as connection:
            scanned = await store.scan_reactions(connection, room_id, after)
        own = [each for each in scanned if each.user_id == user_id]
        erasures = [
            EraseReaction(room_id=room_id, message_id=each.message_id, emoji=each.emoji)
            for each in own[:_WRITTEN_MAX]
        ]
        await self._write(user_id, ERASE_REACTION, erasures)
        if len(own) > _WRITTEN_MAX:
            return own[_WRITTEN_MAX - 1].place
        return scanned[-1].place if len(scanned) == STRIDE else None

    async def _drop_own(self, user_id: str, place: Place) -> Place | None:
        async with self._database.changing() as transaction:
            if await store.drop_items(transaction.connection, user_id):
                return place
            await store.drop_own(transaction.connection, user_id)
        return None

    async def _write(
        self, user_id: str, command: str, erasures: Sequence[EraseMessage | EraseReaction]
    ) -> None:
        """Let the writer do it, in its batches and its order. Raises ChatError for what it refuses."""
        for start in range(0, len(erasures), _JOBS_AT_ONCE):
            errands = [_Errand(user_id) for _ in erasures[start : start + _JOBS_AT_ONCE]]
            for errand, erasure in zip(errands, erasures[start:], strict=False):
                self._writer.put(Job(command, errand, erasure))
            outcomes = await asyncio.gather(*(errand.done for errand in errands), return_exceptions=True)
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome


class _Errand:
    """A request of the service to itself."""

    payload = b""
    span: Span | None = None

    def __init__(self, user_id: str) -> None:
        self.caller = Caller(user_id, "", "", "")
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def respond(self, reply: bytes) -> None:
        if self.done.done():  # nobody waits any more
            return
        if reply.startswith(OK):
            self.done.set_result(None)
        else:
            self.done.set_exception(ChatError.decode(reply))


def _keeps_texts(asked: EraseSome, room: WalkedRoom) -> bool:
    """Whether they stay under no name: not where nobody can read them any more."""
    return asked.keeps_texts and (room.member_count > 0 or room.kind == "public")


async def _hand_on(change: RoomChange, leaver_id: str) -> None:
    """Let the room have an owner when its last one goes."""
    if await count_owners(change.connection, change.room.id) > 1:
        return
    heir = await store.find_heir(change.connection, change.room.id, leaver_id)
    if heir is None:
        return
    heir.role = "owner"
    change.change_member("member.updated", heir)
    [theirs] = await build_memberships(change.connection, [(change.room, heir)])
    change.tell_user(UserStep(heir.user_id, change.room.id, "read.updated", msgspec.json.encode(theirs)))
