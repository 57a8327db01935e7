"""Rate limits of commands on this node: one token bucket per connection, user or address."""

from dataclasses import dataclass

from shared.tokens import Claims

_REFUSALS_MAX = 300
_REFUSALS_WINDOW_S = 10.0
_BUCKETS_MAX = 100_000


class Bucket:
    """A token bucket that also counts its refusals. 56 bytes."""

    __slots__ = ("filled_at_s", "refusals", "refused_since_s", "tokens")

    def __init__(self, tokens: float, now_s: float) -> None:
        self.tokens = tokens
        self.filled_at_s = now_s
        self.refusals = 0
        self.refused_since_s = now_s


class CommandRate:
    """How many commands a second anybody may send, and how many in a burst."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._by_key: dict[str, Bucket] = {}

    def new_bucket(self, now_s: float) -> Bucket:
        return Bucket(self._burst, now_s)

    def take(self, bucket: Bucket, now_s: float) -> int:
        """Take one; returns 0, or in how many milliseconds to come back."""
        bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.filled_at_s) * self._per_s)
        bucket.filled_at_s = now_s
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return int((1 - bucket.tokens) / self._per_s * 1000) + 1

    def give_back(self, bucket: Bucket) -> None:
        """Undo a `take` that turned out not to count."""
        bucket.tokens = min(self._burst, bucket.tokens + 1)

    def take_for(self, key: str, now_s: float) -> int:
        """Like `take`, for doors without a connection: by user id, or address before sign-in."""
        return self.take(self.find_bucket(key, now_s), now_s)

    def find_bucket(self, key: str, now_s: float) -> Bucket:
        """Return the one bucket of a key, full at first."""
        bucket = self._by_key.get(key)
        if bucket is None:
            if len(self._by_key) >= _BUCKETS_MAX:
                del self._by_key[next(iter(self._by_key))]
            bucket = self._by_key[key] = self.new_bucket(now_s)
        return bucket

    @staticmethod
    def is_flooding(bucket: Bucket, now_s: float) -> bool:
        """Count a refusal; True when there were 300 within 10 s and the connection should go."""
        if now_s - bucket.refused_since_s > _REFUSALS_WINDOW_S:
            bucket.refused_since_s, bucket.refusals = now_s, 0
        bucket.refusals += 1
        return bucket.refusals >= _REFUSALS_MAX


@dataclass(frozen=True, slots=True)
class Rates:
    """Whose commands are counted how."""

    people: CommandRate
    """A connection each, and over REST a user or an address."""
    tokens: CommandRate
    """All API tokens of a user together, on all doors: more tokens are not more commands."""

    def of(self, claims: Claims | None) -> CommandRate:
        """Return the rate that a caller is held to; None is somebody who is not signed in."""
        return self.people if claims is None or claims.grant is None else self.tokens
