"""The list of ended logins, in memory on every node: a timeline with a cursor like any other.

Loaded before the node is ready, fed by hints, pulled on a gap and every 5 s.
"""

import asyncio
from collections.abc import Callable

import msgspec

from shared import calls
from shared.background import Background
from shared.bus import Bus, Subscription, subjects
from shared.clock import Clock
from shared.contracts import internal
from shared.contracts.internal import Revocation
from shared.errors import ChatError
from shared.tokens import Claims

_PULL_S = 5.0
_decode = msgspec.json.Decoder(Revocation).decode


class Revocations:
    """`on_revoked` is called once for each new row, to close what it ends."""

    def __init__(self, bus: Bus, background: Background, clock: Clock) -> None:
        self.on_revoked: Callable[[Revocation], None] = lambda _row: None
        self._bus = bus
        self._background = background
        self._clock = clock
        self._subscription: Subscription | None = None
        self._rev = 0
        self._rows: dict[tuple[str, str], Revocation] = {}

    async def start(self) -> None:
        """Load the list and follow it; raises ChatError while auth is away, and can be called again."""
        if self._subscription is None:
            self._subscription = self._bus.fan_in(subjects.REVOKED, self._on_hint)
        await self.pull()
        self._background.run("revocations", self._pull_forever)

    async def pull(self) -> None:
        """Fetch what is newer than what is held."""
        asked = internal.GetRevocations(self._rev)
        answer = await calls.call(self._bus, internal.REVOCATIONS, asked, internal.Revocations)
        if answer.rev < self._rev:  # another history: a restored database
            self._rev = 0
            return
        for row in answer.rows:
            self._take(row)
        self._rev = max(self._rev, answer.rev)

    async def pull_quietly(self) -> None:
        """The same; while auth is away what is held has to do, and the next pull is soon."""
        try:
            await self.pull()
        except ChatError as exc:
            self._background.note("revocations", exc, _PULL_S)

    def find(self, claims: Claims) -> Revocation | None:
        """Return the row that ends these claims, or None. Three look-ups."""
        rows = self._rows
        by_login = rows.get(("login", claims.login_id))
        if by_login is not None:
            return by_login
        for kind in ("user", "role"):
            row = rows.get((kind, claims.user_id))
            if row is not None and claims.issued_at <= row.issued_before:
                return row
        return None

    def _on_hint(self, _subject: bytes, payload: bytes) -> None:
        row = _decode(payload)
        if row.rev == self._rev + 1:
            self._take(row)
        elif row.rev > self._rev:
            self._take_out_of_order(row)

    def _take_out_of_order(self, row: Revocation) -> None:
        rev = self._rev
        self._take(row)
        self._rev = rev
        self._background.spawn("revocations_gap", self.pull_quietly())

    def _take(self, row: Revocation) -> None:
        self._rev = max(self._rev, row.rev)
        held = self._rows.get((row.kind, row.id))
        if held is not None and held.rev >= row.rev:
            return
        self._rows[(row.kind, row.id)] = row
        self.on_revoked(row)

    async def _pull_forever(self) -> None:
        while True:
            await asyncio.sleep(_PULL_S)
            await self.pull_quietly()
            now_s = self._clock.now().timestamp()
            self._rows = {key: row for key, row in self._rows.items() if row.until > now_s}
