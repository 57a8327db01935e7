"""A crowd: what a crowded room keeps of those who look elsewhere, and how they learn that something happens.

Made and driven by its room. An event costs O(1) here, however many rest; telling them all costs O(resting),
at most every two seconds.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct, field

from services.gateway.frames import signal_payload, text_frame
from services.gateway.stats import Stats
from services.gateway.subscriber import Subscriber
from shared.contracts.events import RoomActivity

TELL_S = 2.0
_CREATED = b'{"ev":"message.created"'
_CHANGES = b'{"ev":"room.changes"'

Schedule = Callable[[float, Callable[[], None]], object]
"""Runs a call after so many seconds; after 0, in this turn of the loop or the next."""


class _Mentions(Struct, frozen=True):
    user_ids: list[str] = field(default_factory=list)
    room: bool = False


class _Written(Struct, frozen=True):
    """What is read of a message."""

    seq: int
    rev: int
    sender_id: str
    thread_id: str | None = None
    mentions: _Mentions = _Mentions()


class _Created(Struct, frozen=True):
    d: _Written


class _Rows(Struct, frozen=True):
    messages: list[_Written]


class _Changes(Struct, frozen=True):
    d: _Rows


_decode_created = msgspec.json.Decoder(_Created).decode
_decode_changes = msgspec.json.Decoder(_Changes).decode


class _News(Struct, frozen=True):
    """What one of those who rest is told beyond what all are."""

    mentioned: bool = False
    sent_seq: int | None = None

    def join(self, later: "_News") -> "_News":
        sent_seq = self.sent_seq if later.sent_seq is None else later.sent_seq
        return _News(self.mentioned or later.mentioned, sent_seq)


class Crowd:
    """Those who rest: attached, not focusing the room, each at the rev up to which it has everything."""

    __slots__ = (
        "_by_user", "_callers", "_has_news", "_is_armed", "_last_seq", "_owed", "_rev", "_room_id",
        "_schedule", "_sent_seqs", "_shrink", "_stats", "resting",
    )  # fmt: skip

    def __init__(
        self, room_id: str, stats: Stats, schedule: Schedule, shrink: Callable[[], bool], history: list[bytes]
    ) -> None:
        """`history` is what the ring holds; `shrink` ends this crowd if the room has become small."""
        self.resting: dict[Subscriber, int] = {}
        self._by_user: dict[str, tuple[Subscriber, ...]] = {}
        self._room_id = room_id
        self._stats = stats
        self._schedule = schedule
        self._shrink = shrink
        self._rev = 0
        self._last_seq = 0
        """Of the main timeline, as far as it was seen here."""
        self._has_news = False
        self._is_armed = False
        self._callers: set[str] = set()
        """Who has mentioned the whole room since all were told last."""
        self._sent_seqs: dict[str, int] = {}
        """By user who rests on some device: their own last message since all were told last."""
        self._owed: dict[Subscriber, _News] = {}
        """What slow readers were not told."""
        for payload in history:
            self._find_new(payload)

    def rest(self, subscriber: Subscriber, rev: int, newest_rev: int, missed: list[bytes]) -> None:
        """Let somebody rest who has everything up to `rev`; of what it `missed` since it is told at once."""
        self.resting[subscriber] = rev
        user_id = subscriber.user_id
        self._by_user[user_id] = (*self._by_user.get(user_id, ()), subscriber)
        self._rev = newest_rev
        if rev < newest_rev:
            news = _News()
            for payload in missed:
                for message in _read(payload):
                    news = news.join(_find_news(message, user_id) if message.rev > rev else _News())
            self._tell_one(subscriber, news)

    def wake(self, subscriber: Subscriber) -> int | None:
        """Let somebody go; returns where it stands, None if it does not rest."""
        rev = self.resting.pop(subscriber, None)
        if rev is None:
            return None
        self._owed.pop(subscriber, None)
        others = tuple(each for each in self._by_user[subscriber.user_id] if each is not subscriber)
        if others:
            self._by_user[subscriber.user_id] = others
        else:
            del self._by_user[subscriber.user_id]
        return rev

    def clear(self) -> None:
        """Forget everybody, and what was true of another history."""
        self.resting.clear()
        self._by_user.clear()
        self._owed.clear()
        self._callers.clear()
        self._sent_seqs.clear()
        self._last_seq = 0
        self._has_news = False

    def find(self, user_id: str) -> tuple[Subscriber, ...]:
        """Return the resting devices of a user."""
        return self._by_user.get(user_id, ())

    def on_drained(self, subscriber: Subscriber) -> None:
        """Tell a reader that was slow what it was not told."""
        news = self._owed.pop(subscriber, None)
        if news is not None:
            self._tell_one(subscriber, news)

    def note(self, payload: bytes, rev: int) -> None:
        """Take note of an event or of `room.changes`. Who is mentioned by name is told at once."""
        self._rev = rev
        for message in self._find_new(payload):
            self._note_message(message)
        self._has_news = True
        if not self._is_armed:
            self._is_armed = True
            self._schedule(0, self._tell_all)

    def _find_new(self, payload: bytes) -> list[_Written]:
        """Return the messages that were not there before, and move `last_seq`."""
        # A thread numbers its own messages: which of those in `room.changes` are new, nobody can say here.
        is_one = payload.startswith(_CREATED)
        new = [
            row for row in _read(payload) if is_one or (row.thread_id is None and row.seq > self._last_seq)
        ]
        self._last_seq = max([self._last_seq, *(row.seq for row in new if row.thread_id is None)])
        return new

    def _note_message(self, message: _Written) -> None:
        sender_id = message.sender_id
        if message.thread_id is None:
            if message.mentions.room:
                self._callers.add(sender_id)
            if sender_id in self._by_user:
                self._sent_seqs[sender_id] = message.seq
        for user_id in message.mentions.user_ids:
            if user_id != sender_id:
                for subscriber in self.find(user_id):
                    self._tell_one(subscriber, _News(mentioned=True))

    def _tell_all(self) -> None:
        """Tell all who rest, then be silent for a while; with nothing to tell, wait for the next event."""
        self._is_armed = False
        if not self._has_news or self._shrink():
            return
        self._is_armed = True
        self._schedule(TELL_S, self._tell_all)
        news = _News(mentioned=bool(self._callers))
        frame = self._frame(news)
        own = {
            subscriber: _News(mentioned=bool(self._callers - {user_id}), sent_seq=seq)
            for user_id, seq in self._sent_seqs.items()
            for subscriber in self.find(user_id)
        }
        for subscriber in self.resting:
            if subscriber in own or not subscriber.can_take:
                self._tell_one(subscriber, own.get(subscriber, news))
            else:
                subscriber.write(frame)
                self._stats.activities += 1
        self._has_news = False
        self._callers.clear()
        self._sent_seqs.clear()

    def _tell_one(self, subscriber: Subscriber, news: _News) -> None:
        if subscriber.can_take:
            subscriber.write(self._frame(news))
            self._stats.activities += 1
        else:
            self._owed[subscriber] = self._owed.get(subscriber, _News()).join(news)

    def _frame(self, news: _News) -> bytes:
        activity = RoomActivity(self._rev, self._last_seq or None, news.mentioned, news.sent_seq)
        return text_frame(signal_payload("room.activity", self._room_id, activity))


def _read(payload: bytes) -> list[_Written]:
    """Return the messages that an event brings, or `room.changes` holds; other events say nothing here."""
    if payload.startswith(_CREATED):
        return [_decode_created(payload).d]
    return _decode_changes(payload).d.messages if payload.startswith(_CHANGES) else []


def _find_news(message: _Written, user_id: str) -> _News:
    """Return what a message is to a user."""
    is_main = message.thread_id is None
    if message.sender_id == user_id:
        return _News(sent_seq=message.seq if is_main else None)
    return _News(mentioned=user_id in message.mentions.user_ids or (is_main and message.mentions.room))
