"""People who talk, read, come and go while everything breaks, by the protocol and nothing else.

Each command is sent again with the same ids until it is answered; what was acked goes into the ledger.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chatcraft_client import ChatCraftError, Client
from shared.contracts import messages, reactions, rooms
from shared.contracts.registry import Command, Rep, Req
from shared.ids import new_id
from tests.chaos.ledger import Ledger, Promise

PASSWORD = "correct horse 9"
# Shorter than the client's own: somebody behind a silent link is to try again before the chaos is over.
REPLY_S = 4.0
_RETRY_S = (0.1, 0.6)
_REPLIES, _RECENT = 0.25, 50
_EMOJIS = ("👍", "🎉", "👀", "❤️", "🚀")
# What the protocol lets one try again, and a lost reply; but `internal`: no fault is to be met unforeseen.
_PASSING = {"unavailable", "timeout", "rate_limited", "disconnected"}


class Guest:
    """One device of one user: a client, a chance of its own, and whether the evening goes on."""

    def __init__(self, name: str, client: Client, ledger: Ledger, seed: str) -> None:
        self.name = name
        self.client = client
        self.ledger = ledger
        self.chance = random.Random(f"{seed} {name}")
        self.is_leaving = False
        self.doing = "nothing"
        """What it waits for, to be named when it waits for ever."""

    @property
    def id(self) -> str:
        assert self.client.me is not None
        return self.client.me.id

    async def live(self) -> None:
        """Do one thing after the other until told to leave."""
        while not self.is_leaving:
            await self.act()
            await asyncio.sleep(self.chance.uniform(0.02, 0.25))
        self.doing = "nothing"

    async def act(self) -> None:
        """Do one thing."""
        raise NotImplementedError

    async def call(self, command: Command[Req, Rep], request: Req, *allowed: str) -> Rep | None:
        """Send a command until it is answered; None if refused with an allowed code, or with a wrong one."""
        self.doing = f"{command.name} {request}"
        while True:
            try:
                return await self.client.call(command, request)
            except ChatCraftError as exc:
                if exc.code not in {*_PASSING, *allowed}:
                    self.ledger.wrong.append(f"{self.name}: {command.name} was refused: {exc} {exc.details}")
                if not exc.is_retryable:
                    return None
                self.ledger.refusals[exc.code] += 1
            await asyncio.sleep(self.chance.uniform(*_RETRY_S))

    def choose_room(self) -> str | None:
        """Return one of the rooms that the client knows of now."""
        known = sorted(self.client.state.rooms)
        return self.chance.choice(known) if known else None

    async def mark_read(self) -> None:
        """Read all that is there of a room."""
        room_id = self.choose_room()
        if room_id is None:
            return
        seq = self.client.state.rooms[room_id].room.last_seq
        request = messages.MarkRead(room_id, seq)
        if await self.call(messages.mark_read, request, "forbidden", "not_found"):
            self.ledger.mark_read(self.id, room_id, seq)


class Sender(Guest):
    """Writes, edits, deletes and reacts in the rooms given, and mentions the others there."""

    def __init__(
        self,
        name: str,
        client: Client,
        ledger: Ledger,
        seed: str,
        *,
        room_ids: Sequence[str],
        others: Sequence[str],
    ) -> None:
        super().__init__(name, client, ledger, seed)
        self._room_ids = room_ids
        self._others = others
        self._own: list[Promise] = []

    async def act(self) -> None:
        acts: dict[Callable[[], Awaitable[None]], float] = {
            self._send: 10, self._edit: 2, self._delete: 1, self._react: 2, self._set_topic: 0.5,
            self.mark_read: 2, self._cut: 0.3,
        }  # fmt: skip
        [act] = self.chance.choices(list(acts), list(acts.values()))
        await act()

    async def _send(self) -> None:
        """In a room, or in the thread of something that was said there."""
        room_id, thread_id = self.chance.choice(self._room_ids), None
        if self.chance.random() < _REPLIES and (roots := self._list_heard()):
            root = self.chance.choice(roots)
            room_id, thread_id = root.room_id, root.thread_id or root.id
        text = f"{self.name} {len(self._own)}" + "." * self.chance.choice((0, 40, 4_000))
        text += self.chance.choice(("", "", "", " <!room>", f" <@{self.chance.choice(self._others)}>"))
        sent = await self.call(messages.send, messages.SendMessage(room_id, new_id(), text, thread_id))
        if sent is not None:
            self._own.append(self.ledger.add(sent.message))

    async def _edit(self) -> None:
        """Each message at most once: an edit that was held up on its way could undo a later one."""
        if promise := self._choose(lambda each: "edited" not in each.text):
            text = f"{promise.text} edited"
            request = messages.EditMessage(promise.room_id, promise.id, text)
            if await self.call(messages.edit, request):
                promise.text = text

    async def _delete(self) -> None:
        promise = self._choose(lambda _each: True)
        if promise and await self.call(messages.delete, messages.OneMessage(promise.room_id, promise.id)):
            promise.is_deleted = True

    async def _react(self) -> None:
        """To anybody's message; its author may have deleted it meanwhile."""
        if not (heard := self._list_heard()):
            return
        promise, emoji = self.chance.choice(heard), self.chance.choice(_EMOJIS)
        request = reactions.OneReaction(promise.room_id, promise.id, emoji)
        if await self.call(reactions.add, request, "conflict"):
            promise.reactions.add((emoji, self.id))

    async def _set_topic(self) -> None:
        """Of one of the rooms where that is allowed to oneself."""
        room_id = self.chance.choice(self._room_ids)
        topic = f"{self.name}'s {self.chance.randrange(1_000)}"
        await self.call(rooms.update, rooms.UpdateRoom(room_id, topic=topic), "forbidden", "conflict")

    async def _cut(self) -> None:
        self.client.cut(self.chance.choice(self.client.urls))

    def _list_heard(self) -> list[Promise]:
        """Return what anybody said of late."""
        return list(self.ledger.promises.values())[-_RECENT:]

    def _choose(self, fits: Callable[[Promise], bool]) -> Promise | None:
        fitting = [each for each in self._own if not each.is_deleted and fits(each)]
        return self.chance.choice(fitting) if fitting else None


class Reader(Guest):
    """Reads: on another node every few seconds, sometimes slowly, sometimes not at all for a while."""

    async def act(self) -> None:
        acts: dict[Callable[[], Awaitable[None]], float] = {
            self.mark_read: 6, self._move: 2, self._dawdle: 1, self._go_and_return: 1
        }  # fmt: skip
        [act] = self.chance.choices(list(acts), list(acts.values()))
        await act()
        await asyncio.sleep(self.chance.uniform(0.1, 1))

    async def _move(self) -> None:
        self.client.cut(self.chance.choice(self.client.urls))

    async def _dawdle(self) -> None:
        """Take nothing from the socket for a while."""
        connection = self.client._session.connection
        if connection is None:
            return
        transport = connection._socket.transport
        transport.pause_reading()
        try:
            await asyncio.sleep(self.chance.uniform(0.5, 3))
        finally:
            transport.resume_reading()

    async def _go_and_return(self) -> None:
        await self.client.disconnect()
        await asyncio.sleep(self.chance.uniform(0.2, 3))
        await come_back(self)


class Wanderer(Reader):
    """A reader who joins public rooms and leaves them again."""

    def __init__(
        self, name: str, client: Client, ledger: Ledger, seed: str, public_ids: Sequence[str]
    ) -> None:
        super().__init__(name, client, ledger, seed)
        self._public_ids = public_ids

    async def act(self) -> None:
        if self.chance.random() < 0.3:
            await super().act()
            return
        room_id = self.chance.choice(self._public_ids)
        command: Command[rooms.OneRoom, Any] = self.chance.choice((rooms.join, rooms.leave))
        # Whoever is not in the room, or no longer, cannot leave it.
        await self.call(command, rooms.OneRoom(room_id), "forbidden", "not_found")
        self.ledger.forget_mark(self.id, room_id)


async def come_back(guest: Guest) -> None:
    """Connect and be synced, however long it takes."""
    guest.doing = "connecting"
    while True:
        try:
            await guest.client.connect(timeout_s=REPLY_S)
        except ChatCraftError as exc:
            if exc.code not in _PASSING:
                guest.ledger.wrong.append(f"{guest.name} cannot connect: {exc}")
                return
        else:
            return
