"""Members who talk in rooms, and every copy of every message on its way to every member.

Reads little of what it receives: the generator must not be what is measured. Knows no scenario.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, cast

from bench.load.load_process import LoadFailed
from bench.load.measure import summarise_ms
from bench.load.speech import Speech

# Longer than what a pattern must see at once, cut anywhere.
_HEAD_BYTES = 512
_CONNECT_AT_ONCE = 64
_CONNECT_S = 60.0
_SETTLE_S = 15.0
_REFUSED_WAIT_S = 0.1


class Opening(Protocol):
    """A socket on its way to ready; `bench.load.dialects` has those of WebSocket servers."""

    request: bytes
    is_ready: bool

    def feed(self, data: bytes) -> bytes: ...


class Sent:
    """One message on its way."""

    __slots__ = ("acked_s", "at_s", "by", "last_s", "missing")

    def __init__(self, by: "Talker", missing: int) -> None:
        self.by = by
        self.at_s = time.perf_counter()
        self.missing = missing
        self.acked_s = self.last_s = 0.0


class Talk:
    """All talkers, by room, and what they have said."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.rooms: list[list[Talker]] = []
        self.sent: dict[int, Sent] = {}
        self.refused: Counter[str] = Counter()
        self.is_closed_loop = False
        self._number = 1_000  # smaller ones are the openings'
        self._first_number = self._number

    async def open(self, address: tuple[str, int], rooms: Sequence[tuple[str, Sequence[Opening]]]) -> None:
        """Connect everybody; the first member of each room comes first."""
        self.rooms = [[] for _ in rooms]
        gate = asyncio.Semaphore(_CONNECT_AT_ONCE)

        async def connect(place: int, room: str, opening: Opening) -> None:
            async with gate:
                talker = Talker(self, room, self.rooms[place], opening)
                await asyncio.get_running_loop().create_connection(lambda: talker, *address)
                await talker.ready
                self.rooms[place].append(talker)

        for turn in range(max(len(openings) for _, openings in rooms)):
            await asyncio.wait_for(
                asyncio.gather(
                    *(
                        connect(place, room, openings[turn])
                        for place, (room, openings) in enumerate(rooms)
                        if turn < len(openings)
                    )
                ),
                _CONNECT_S,
            )

    def close(self) -> None:
        """Cut every connection."""
        for talker in self.talkers:
            talker.transport.abort()

    @property
    def talkers(self) -> list["Talker"]:
        return [talker for members in self.rooms for talker in members]

    def say(self, talker: "Talker") -> None:
        """Let a member say something."""
        self._number += 1
        self.sent[self._number] = Sent(talker, len(talker.members))
        talker.transport.write(self.speech.say(talker.room, self._number))

    def on_acked(self, number: int, now_s: float) -> None:
        sent = self.sent.get(number)
        if sent is not None:
            sent.acked_s = now_s
            if self.is_closed_loop:
                self.say(sent.by)

    def on_refused(self, number: int, code: str) -> None:
        sent = self.sent.pop(number, None)
        if sent is None:
            return
        self.refused[code] += 1
        if self.is_closed_loop:
            asyncio.get_running_loop().call_later(_REFUSED_WAIT_S, self._say_again, sent.by)

    def _say_again(self, talker: "Talker") -> None:
        if self.is_closed_loop:
            self.say(talker)

    async def settle(self) -> None:
        """Wait until everything said is acked and has reached everybody, or for so long."""
        end_s = time.perf_counter() + _SETTLE_S
        # Nothing is measured any more: asking now and then is good enough.
        while time.perf_counter() < end_s:
            if not any(each.missing > 0 or not each.acked_s for each in self.sent.values()):
                return
            await asyncio.sleep(0.05)

    def summarise(self, since_s: float, until_s: float) -> dict[str, Any]:
        """Return the figures of what was acked in between, and what went wrong at any time.

        Raises LoadFailed if nothing arrived.
        """
        all_sent = list(self.sent.values())
        measured = [each for each in all_sent if since_s <= each.acked_s < until_s]
        lasts = [each.last_s - each.at_s for each in measured if each.last_s and each.missing <= 0]
        if not lasts:
            raise LoadFailed(f"of {len(all_sent)} messages none arrived in time; {dict(self.refused)}")
        missing = self._count_missing()
        return {
            "messages": len(measured),
            "per_s": round(len(measured) / (until_s - since_s)),
            "ack": summarise_ms([each.acked_s - each.at_s for each in measured]),
            "last_delivery": summarise_ms(lasts),
            "said": len(all_sent),
            "unacked": sum(not each.acked_s for each in all_sent),
            "copies_missing": sum(max(each, 0) for each in missing),
            "copies_doubled": sum(max(-each, 0) for each in missing),
            "refused": dict(self.refused),
        }

    def _count_missing(self) -> list[int]:
        """By message; or by member, where one has a message twice that another has not."""
        by_message = [each.missing for each in self.sent.values()]
        if any(by_message):
            return by_message
        said = Counter(id(each.by.members) for each in self.sent.values())
        return [said[id(talker.members)] - talker.heard for talker in self.talkers]

    def forget(self) -> None:
        """Begin a phase anew."""
        self.sent.clear()
        self.refused.clear()
        for talker in self.talkers:
            talker.heard = 0


class Talker(asyncio.Protocol):
    """One member's connection."""

    transport: asyncio.Transport

    def __init__(self, talk: Talk, room: str, members: list["Talker"], opening: Opening) -> None:
        self.room = room
        self.members = members
        self.heard = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._talk = talk
        self._opening = opening
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it
        self.transport.write(self._opening.request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        if not self._opening.is_ready:
            self._open(data)
            return
        data = self._rest + data
        end = max(self._find_heard(data), self._find_acks(data))
        self._rest = data[max(end, len(data) - _HEAD_BYTES) :]

    def _open(self, data: bytes) -> None:
        try:
            answer = self._opening.feed(data)
        except ConnectionError as exc:
            if not self.ready.done():
                self.ready.set_exception(exc)
            return
        if answer:
            self.transport.write(answer)
        if self._opening.is_ready and not self.ready.done():
            self.ready.set_result(None)

    def _find_heard(self, data: bytes) -> int:
        """Note the copies; return where the last one's head ends. Written out: it runs once for each copy."""
        talk, now_s, end = self._talk, time.perf_counter(), 0
        prefix, sent, copy_is_ack = talk.speech.not_heard_after, talk.sent, talk.speech.acked is None
        for found in talk.speech.heard.finditer(data):
            end = found.end()
            if prefix and data.endswith(prefix, 0, found.start()):
                continue
            number = int(found[1], 16)
            message = sent.get(number)
            if message is None:
                continue
            message.missing -= 1
            message.last_s = now_s
            self.heard += 1
            if copy_is_ack and message.by is self:
                talk.on_acked(number, now_s)
        return end

    def _find_acks(self, data: bytes) -> int:
        talk, now_s, end = self._talk, time.perf_counter(), 0
        if talk.speech.acked is None:
            return 0
        for found in talk.speech.acked.finditer(data):
            end = found.end()
            if found[2] is None:
                talk.on_acked(int(found[1]), now_s)
            else:
                talk.on_refused(int(found[1]), found[2].decode())
        return end


async def talk_flat_out(talk: Talk, warm_s: float, seconds: float, window: int) -> dict[str, Any]:
    """Every member keeps `window` messages under way; the first seconds only warm up."""
    talk.forget()
    talk.is_closed_loop = True
    for _ in range(window):
        for talker in talk.talkers:
            talk.say(talker)
    await asyncio.sleep(warm_s)
    since_s = time.perf_counter()
    await asyncio.sleep(seconds)
    until_s = time.perf_counter()
    talk.is_closed_loop = False
    await talk.settle()
    return talk.summarise(since_s, until_s)


async def talk_paced(talk: Talk, warm_s: float, seconds: float, per_s: float) -> dict[str, Any]:
    """Say so many messages a second whatever the answers, in one room after the other."""
    talk.forget()
    started_s = time.perf_counter()
    number = 0
    while (now_s := time.perf_counter() - started_s) < warm_s + seconds:
        while number < now_s * per_s:
            members = talk.rooms[number % len(talk.rooms)]
            talk.say(members[number // len(talk.rooms) % len(members)])
            number += 1
        await asyncio.sleep(0.001)
    await talk.settle()
    return talk.summarise(started_s + warm_s, started_s + warm_s + seconds)
