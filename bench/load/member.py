"""A client that stays: it says things, and what was not answered it says again under the same id. No I/O.

`members_session.py` has the sockets, and brings it back when it was cut.
"""

import time

import msgspec

from bench.load.followers import FollowedFrame, Follower, FrameData, Message, decode
from bench.load.record import Record, Said
from bench.load.wire import CLOSE, CLOSED, PING, PONG, TEXT, text_frame

_SYNC_REF = 1
# What the protocol says may be sent again (docs/protocol.md, section 7).
_WORTH_REPEATING = {"rate_limited", "unavailable", "timeout", "internal"}
_REPEAT_S = 0.2
_TEXT = "x" * 200


class Member(Follower):
    """One client, over as many sockets as it takes."""

    __slots__ = (
        "_record", "_ref", "attempts", "away_since_s", "close_code", "comings", "pending", "repeats",
        "resync_s", "return_s",
    )  # fmt: skip

    def __init__(self, token: str, record: Record) -> None:
        self._record = record
        self.comings = 0
        self.attempts = 0
        """Since it was synced last."""
        self.away_since_s = 0.0
        """When it was cut; 0: it is there, or has never been."""
        self.pending: dict[int, Said] = {}
        """What is not answered, by ref of this socket."""
        super().__init__(token, record.tally)

    def begin(self) -> None:
        super().begin()
        self.comings += 1
        self.close_code = 0
        self.return_s = 0.0
        """Within which time a draining node has asked it to come back."""
        self.resync_s = 0.0
        """After which time to ask again, since `sync` was refused; 0: no need."""
        self.repeats: list[tuple[Said, float]] = []
        """What to say again, and after how long."""
        self._ref = _SYNC_REF

    @property
    def is_upgraded(self) -> bool:
        """Whether this socket is a WebSocket yet."""
        return self._head is None

    def say(self, said: Said) -> bytes:
        """Return the bytes of a command, and expect its reply."""
        self._ref += 1
        self.pending[self._ref] = said
        d = {"room_id": said.room_id, "id": said.id, "text": _TEXT}
        return text_frame(msgspec.json.encode({"op": "messages.send", "ref": self._ref, "d": d}))

    def sync(self) -> bytes:
        """Return the bytes that ask again for what it lacks."""
        self.resync_s = 0.0
        return self._sync(None)

    def _take(self, opcode: int, payload: bytes) -> bytes:
        if opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2]) or 1005
            return CLOSED
        if opcode != TEXT:
            return PONG if opcode == PING else b""
        frame = decode(payload)
        if frame.ref > _SYNC_REF:
            self._on_answered(frame)
        elif frame.error is not None:
            self._on_sync_refused(frame)
        elif frame.ev == "draining" and frame.d is not None:
            self.return_s = frame.d.retry_after_ms / 1000
        else:
            return self._follow(frame)
        return b""

    def _on_sync_refused(self, frame: FollowedFrame) -> None:
        assert frame.error is not None
        self._record.repeated[f"sync {frame.error.code}"] += 1
        self.resync_s = (frame.error.retry_after_ms or 0) / 1000 or _REPEAT_S

    def _on_answered(self, frame: FollowedFrame) -> None:
        said = self.pending.pop(frame.ref, None)
        if said is None:
            return
        if frame.error is None:
            self._record.on_acked(said, time.perf_counter())
        elif frame.error.code in _WORTH_REPEATING:
            self._record.repeated[frame.error.code] += 1
            self.repeats.append((said, (frame.error.retry_after_ms or 0) / 1000 or _REPEAT_S))
        else:
            self._record.on_refused(said, frame.error.code)

    def _on_synced(self, page: FrameData) -> bytes:
        reply = super()._on_synced(page)
        if self.is_synced:
            self.attempts = 0
            self._on_back()
        return reply

    def _on_back(self) -> None:
        now_s = time.perf_counter()
        if not self.away_since_s:
            return
        self._record.on_back(now_s - self.away_since_s)
        self.away_since_s = 0.0
        self.missing = self._record.list_missing(list(self.revs), self.held)
        if not self.missing:
            self._record.on_whole(self, now_s)

    def _hold(self, messages: list[Message]) -> None:
        now_s = time.perf_counter()
        for message in messages:
            if message.id not in self.held:
                self._record.on_heard(self, message.id, now_s)
        is_lacking = bool(self.missing)
        super()._hold(messages)
        if is_lacking and not self.missing:
            self._record.on_whole(self, now_s)
