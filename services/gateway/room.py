"""An active room on this node: its place in the history, its ring, and who here hears it.

Called by the hub alone. Synchronous: it decides and writes; what must be asked for, the hub asks.
"""

import sys
from collections.abc import Callable
from time import perf_counter

from services.gateway.crowd import Crowd, Schedule
from services.gateway.cursor import RoomCursor, Verdict
from services.gateway.frames import decode_event_head, text_frame
from services.gateway.leaving import Leavings, cut_at_leaving, find_leaver
from services.gateway.outlet import Outlet, fan_out
from services.gateway.ring import Ring, RingBudget
from services.gateway.stats import Stats
from services.gateway.subscriber import Subscriber, write_all
from shared.bus import Subscription
from shared.contracts.limits import SYNC_MAX_REVS_BEHIND

_TYPING = b'{"ev":"typing.changed"'
_PENDING_MAX = 512


class ActiveRoom:
    """All methods are O(subscribers touched) and never await.

    Every subscriber stands somewhere: at the cursor (live), before it (behind), after it (ahead, its
    snapshot was newer than the node's stream), or nowhere yet (unplaced, its snapshot is under way).
    From `crowd_size` subscribers on, those who do not attend rest in the `crowd`, neither live nor behind.
    """

    __slots__ = (
        "_batch", "_crowd_size", "_leavings", "_on_gap", "_on_left", "_on_stale", "_schedule",
        "_schedule_in", "_stats", "ahead", "behind", "crowd", "cursor", "is_healing", "is_suspect", "live",
        "pending", "ring", "room_id", "subscriptions", "unplaced",
    )  # fmt: skip

    def __init__(
        self,
        room_id: str,
        budget: RingBudget,
        stats: Stats,
        *,
        crowd_size: int,
        schedule: Callable[[Callable[[], None]], object],
        schedule_in: Schedule,
        on_gap: Callable[["ActiveRoom"], None],
        on_left: Callable[["ActiveRoom", str], None],
        on_stale: Callable[["ActiveRoom", list[Subscriber]], None],
    ) -> None:
        """`schedule` runs a call later in this loop turn, `schedule_in` after so many seconds.

        `on_left` gets the id of a user who left, `on_stale` who must reload.
        """
        self.room_id = room_id
        self.cursor: RoomCursor | None = None
        self.ring = Ring(budget)
        self.live: dict[Subscriber, Outlet] = {}
        """With their outlets: a fan-out that looks at no connection touches less cold memory."""
        self.behind: dict[Subscriber, int] = {}
        self.ahead: dict[Subscriber, int] = {}
        self.unplaced: set[Subscriber] = set()
        self.crowd: Crowd | None = None
        self.pending: dict[int, bytes] = {}
        self.subscriptions: tuple[Subscription, ...] = ()
        self.is_healing = False
        self.is_suspect = False
        """Something may be missing that no gap shows: the store must be asked."""
        self._batch: list[bytes] = []
        self._leavings = Leavings()
        self._stats = stats
        self._crowd_size = crowd_size
        self._schedule = schedule
        self._schedule_in = schedule_in
        self._on_gap = on_gap
        self._on_left = on_left
        self._on_stale = on_stale

    @property
    def size(self) -> int:
        """How many connections of this node are attached."""
        resting = len(self.crowd.resting) if self.crowd is not None else 0
        return len(self.live) + len(self.behind) + len(self.ahead) + len(self.unplaced) + resting

    def on_event(self, _subject: bytes, payload: bytes) -> None:
        """Take an event from the bus: deliver it, drop it, or keep it until what precedes it is here."""
        head = decode_event_head(payload)
        if self.cursor is None:
            self._hold(head.rev, payload)
            return
        match self.cursor.judge(head.epoch, head.rev):
            case Verdict.DELIVER:
                self._accept(payload)
                self._accept_pending()
            case Verdict.GAP:
                self._stats.gaps += 1
                self._hold(head.rev, payload)
                self._on_gap(self)
            case Verdict.RESET:
                self.is_suspect = True
                self._on_gap(self)
            case Verdict.DROP:
                self._stats.drops += 1

    def on_signal(self, _subject: bytes, payload: bytes) -> None:
        """Pass a signal on; whoever is behind does not need it, and a crowd is not told who types."""
        if self.crowd is not None and payload.startswith(_TYPING):
            return
        fan_out(self.live.values(), text_frame(payload))

    def flush(self) -> None:
        """Write what was accepted in this turn to all who are live, as one piece.

        Runs before anybody's place changes, so that nobody sees an event twice or not at all.
        """
        if not self._batch:
            return
        started_s = perf_counter()
        stats = self._stats
        assert self.cursor is not None, "accepted by it"
        stats.writes_kept.append((self.room_id, self.cursor.rev, len(self._batch), started_s, len(self.live)))
        stats.writes += len(self.live)
        stats.deliveries += len(self.live) * len(self._batch)
        frames = self._batch[0] if len(self._batch) == 1 else b"".join(self._batch)
        self._batch.clear()
        fan_out(self.live.values(), frames)
        stats.fan_out_seconds += perf_counter() - started_s

    def expect(self, subscriber: Subscriber) -> None:
        """Attach somebody whose snapshot is under way; from here on nothing is forgotten."""
        self.flush()
        self._forget(subscriber)
        self.unplaced.add(subscriber)
        if self.crowd is None and self.size >= self._crowd_size:
            self._become_crowd()

    def place(self, subscriber: Subscriber, epoch: int, rev: int) -> None:
        """Put an expected subscriber where its snapshot left it."""
        if subscriber not in self.unplaced:
            return  # detached meanwhile
        self.flush()
        self.unplaced.discard(subscriber)
        if self.cursor is None:
            self._stand(epoch, rev)
        self._settle(subscriber, epoch, rev)
        self._accept_pending()

    def lag(self, subscriber: Subscriber) -> None:
        """Stop writing to a slow reader; only its position is kept."""
        self.flush()
        if subscriber in self.live and self.cursor:
            self.live.pop(subscriber, None)
            self.behind[subscriber] = self.cursor.rev

    def resume(self, subscriber: Subscriber) -> bool:
        """Catch a drained reader up from the ring; False if only the store can."""
        self.flush()
        rev = self.behind.get(subscriber)
        if rev is None or self.cursor is None:
            if self.crowd is not None:
                self.crowd.on_drained(subscriber)
            return True
        missed = [] if rev == self.cursor.rev else self.ring.find_after(rev)
        if self._leavings.is_after(subscriber.user_id, rev):
            write_all(subscriber, cut_at_leaving(missed or [], subscriber.user_id))
            self._on_left(self, subscriber.user_id)
            return True
        if missed is None:
            self._stats.ring_misses += 1
            return False
        self._stats.ring_hits += bool(missed)
        del self.behind[subscriber]
        self.live[subscriber] = subscriber.outlet
        write_all(subscriber, missed)
        return True

    def attend(self, subscriber: Subscriber) -> None:
        """Let one who rested hear everything again, from where it stood."""
        self.flush()
        rev = self.crowd.wake(subscriber) if self.crowd is not None else None
        if rev is not None:
            self._wake({subscriber: rev})

    def rest(self, subscriber: Subscriber) -> None:
        """Tell one who looks elsewhere only that something happens, if this is a crowd."""
        if self.crowd is None or self.cursor is None:
            return
        self.flush()
        if self.live.pop(subscriber, None) is not None:
            self.crowd.rest(subscriber, self.cursor.rev, self.cursor.rev, [])
        elif (rev := self.behind.pop(subscriber, None)) is not None:
            self._settle(subscriber, self.cursor.epoch, rev)

    def heal(self, epoch: int, rev: int, changes: bytes, left: list[tuple[str, int]]) -> None:
        """Deliver `room.changes` for what the node missed and go on from its position.

        `left` are user ids and revs of members who are gone: they hear nothing of it.
        """
        if self.cursor is None or epoch != self.cursor.epoch or rev <= self.cursor.rev:
            return
        self.flush()
        self.ring.append(self.cursor.rev, rev, changes)
        self.cursor.rev = rev
        if self.crowd is not None:
            self.crowd.note(changes, rev)
        for user_id, left_rev in left:
            self._note_left(user_id, left_rev)
        fan_out(self.live.values(), text_frame(changes))
        self._promote()
        self._accept_pending()

    def remember(self, after_rev: int, epoch: int, rev: int, changes: bytes) -> None:
        """Take what the store said of the past into the ring, for all who come back from there."""
        self.flush()
        if self.cursor is None:
            self._stand(epoch, rev)
            self._accept_pending()
        assert self.cursor is not None, "stands now"
        if epoch == self.cursor.epoch and rev <= self.cursor.rev:
            self.ring.extend_back(after_rev, rev, self.cursor.rev, changes)

    def recall(self, epoch: int, after_rev: int, rev: int) -> list[bytes] | None:
        """Return the payloads from a position held to exactly `rev`; None if this node cannot say."""
        if self.cursor is None or epoch != self.cursor.epoch or rev > self.cursor.rev:
            return None
        found = self.ring.find_between(after_rev, rev)
        self._stats.ring_hits += found is not None
        self._stats.ring_misses += found is None
        return found

    def catch_up(self, subscriber: Subscriber, epoch: int, rev: int, changes: bytes) -> None:
        """Deliver `room.changes` to one who is behind, and put it at its position."""
        if self.behind.pop(subscriber, None) is None:
            return
        self.flush()
        subscriber.write(text_frame(changes))
        self._settle(subscriber, epoch, rev)

    def reset(self, epoch: int, rev: int) -> list[Subscriber]:
        """Start over at another position; returns who must reload, all unplaced now."""
        self.flush()
        stale = [*self.live, *self.behind, *self.ahead, *self._resting()]
        self.live.clear()
        self.behind.clear()
        self.ahead.clear()
        if self.crowd is not None:
            self.crowd.clear()
        self.unplaced.update(stale)
        self.ring.clear()
        self.cursor = RoomCursor(epoch, rev)
        self._accept_pending()
        return stale

    def give_up(self, rev: int) -> list[Subscriber]:
        """Leave those who stand at or before `rev` to reload: they missed too much to be told of it."""
        stale = [each for each, at in self.behind.items() if at <= rev and each.can_take]
        for subscriber in stale:
            del self.behind[subscriber]
        self.unplaced.update(stale)
        return stale

    def detach(self, subscriber: Subscriber) -> None:
        """Let somebody go; what was accepted before is still written."""
        self.flush()
        self._forget(subscriber)

    def is_reached(self, subscriber: Subscriber) -> bool:
        """Whether the subscriber stands at or before the cursor: what has just happened concerns it."""
        return subscriber in self.live or subscriber in self.behind or subscriber in self._resting()

    def _stand(self, epoch: int, rev: int) -> None:
        """Take the first place; what was kept until now is judged from there."""
        self.cursor = RoomCursor(epoch, rev)
        self.pending = {
            at: held for at, held in self.pending.items() if decode_event_head(held).epoch == epoch
        }

    def _settle(self, subscriber: Subscriber, epoch: int, rev: int) -> None:
        assert self.cursor is not None, "placed before"
        if epoch != self.cursor.epoch:
            # A snapshot of another epoch: the healing that this starts resets everybody, it too.
            self.ahead[subscriber] = sys.maxsize
            self._on_gap(self)
        elif rev > self.cursor.rev:
            self.ahead[subscriber] = rev
            self._on_gap(self)
        elif self.crowd is not None and not self._hears_all(subscriber, rev):
            self.crowd.rest(subscriber, rev, self.cursor.rev, self.ring.find_after(rev) or [])
        elif rev == self.cursor.rev and subscriber.can_take:
            self.live[subscriber] = subscriber.outlet
        else:
            self.behind[subscriber] = rev
            if subscriber.can_take and not self.resume(subscriber):
                self._on_gap(self)

    def _accept(self, payload: bytes) -> None:
        assert self.cursor is not None, "judged by it"
        self.ring.append(self.cursor.rev, self.cursor.rev + 1, payload)
        self.cursor.rev += 1
        self._stats.events += 1
        if not self._batch:
            self._schedule(self.flush)
        self._batch.append(text_frame(payload))
        if self.crowd is not None:
            self.crowd.note(payload, self.cursor.rev)
        if self.ahead:
            self.flush()
            self._promote()
        leaver = find_leaver(payload)
        if leaver is not None:
            self.flush()
            self._note_left(leaver, self.cursor.rev)

    def _accept_pending(self) -> None:
        assert self.cursor is not None, "placed before"
        while (payload := self.pending.pop(self.cursor.rev + 1, None)) is not None:
            if decode_event_head(payload).epoch == self.cursor.epoch:
                self._accept(payload)
        for rev in [rev for rev in self.pending if rev <= self.cursor.rev]:
            del self.pending[rev]
        if self.pending:
            self._on_gap(self)

    def _hold(self, rev: int, payload: bytes) -> None:
        # Beyond the bound the store is asked anyway: what is dropped here comes back as changes.
        if len(self.pending) < _PENDING_MAX:
            self.pending[rev] = payload

    def _promote(self) -> None:
        assert self.cursor is not None, "moved before"
        for subscriber in [each for each, rev in self.ahead.items() if rev <= self.cursor.rev]:
            rev = self.ahead.pop(subscriber)
            self._settle(subscriber, self.cursor.epoch, rev)

    def _note_left(self, user_id: str, rev: int) -> None:
        self._leavings.note(user_id, rev)
        for subscriber in self.crowd.find(user_id) if self.crowd is not None else ():
            if subscriber.can_take:
                missed = self.ring.find_after(self._resting()[subscriber])
                write_all(subscriber, cut_at_leaving(missed or [], user_id))
        self._on_left(self, user_id)

    def _forget(self, subscriber: Subscriber) -> None:
        self.live.pop(subscriber, None)
        self.unplaced.discard(subscriber)
        self.behind.pop(subscriber, None)
        self.ahead.pop(subscriber, None)
        if self.crowd is not None:
            self.crowd.wake(subscriber)

    def _resting(self) -> dict[Subscriber, int]:
        return self.crowd.resting if self.crowd is not None else {}

    def _hears_all(self, subscriber: Subscriber, rev: int) -> bool:
        """Whether it attends, or is only to be told that it has left."""
        return subscriber.attends(self.room_id) or self._leavings.is_after(subscriber.user_id, rev)

    def _become_crowd(self) -> None:
        """Let those rest who do not attend. O(subscribers), once for each crossing of the size."""
        self.crowd = Crowd(
            self.room_id, self._stats, self._schedule_in, self._dissolve_if_small, self.ring.list_all()
        )
        for subscriber in [*self.live, *self.behind]:
            if not subscriber.attends(self.room_id):
                self.rest(subscriber)

    def _dissolve_if_small(self) -> bool:
        """End the crowd, if it has lost a fifth of its size since; everybody hears everything again."""
        if self.crowd is None or self.size * 5 >= self._crowd_size * 4:
            return False
        self.flush()
        crowd, self.crowd = self.crowd, None
        self._wake(crowd.resting)
        return True

    def _wake(self, revs: dict[Subscriber, int]) -> None:
        """Catch up those who rested; from too far behind they must reload, which the store need not say."""
        assert self.cursor is not None, "nobody rests without"
        oldest_rev = self.cursor.rev - SYNC_MAX_REVS_BEHIND
        stale = [subscriber for subscriber, rev in revs.items() if rev < oldest_rev]
        self.unplaced.update(stale)
        for subscriber, rev in revs.items():
            if rev >= oldest_rev:
                self._settle(subscriber, self.cursor.epoch, rev)
        if stale:
            self._stats.resets += len(stale)
            self._on_stale(self, stale)
