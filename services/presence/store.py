"""All of presence's Redis: Lua scripts that change leases and people atomically, and their typed results.

Called by commands, announcements and leases. Decides nothing about how people look to others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import redis.asyncio
from redis.exceptions import RedisError

from services.presence.domain import PLACES_PER_USER, Person, Timing
from shared.contracts.entities import PresenceStatus
from shared.errors import unavailable

_SCRIPTS = Path(__file__).parent / "scripts"
_STATUSES: tuple[str, ...] = get_args(PresenceStatus)


@dataclass(frozen=True, slots=True)
class Came:
    """A user of a node: the places they were given there before, and the connections they have there."""

    user_id: str
    kept: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Held:
    is_known: bool
    came_online: int
    went_offline: int
    places: dict[str, int]
    """Users who were given fewer places than they have connections on the node, and how many."""


@dataclass(frozen=True, slots=True)
class Swept:
    view: str
    """Names Redis's present data: another after a restart or a loss."""
    released: int
    went_offline: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    now_ms: int
    wait_ms: int | None
    """Until somebody is due again; None: nobody waits."""
    people: list[Person]


@dataclass(frozen=True, slots=True)
class Found:
    now_ms: int
    people: list[Person]
    is_settled: bool
    """Whether nodes have had a lease to name everybody since Redis lost data or was restarted."""


class Store:
    """Presence in one Redis or Valkey. A method is one round trip; raises ChatError `unavailable`."""

    def __init__(self, client: redis.asyncio.Redis, timing: Timing, prefix: str = "presence") -> None:
        self._client = client
        self._prefix = prefix
        self._times = [round(timing.lease_s * 1000), round(timing.gather_s * 1000)]
        prelude = (_SCRIPTS / "prelude.lua").read_text(encoding="utf-8")
        self._scripts = {
            path.stem: client.register_script(prelude + path.read_text(encoding="utf-8"))
            for path in _SCRIPTS.glob("*.lua")
            if path.stem != "prelude"
        }

    async def hold(
        self, holder: str, came: list[Came], went: list[str], *, begins: bool, count: int | None
    ) -> Held:
        """Renew a lease, with who came and who went; `begins` makes one that is not there."""
        said = "" if count is None else count
        named = [word for each in came for word in (each.user_id, each.kept, each.wanted)]
        known, online, offline, fewer = await self._run(
            "hold", holder, int(begins), said, PLACES_PER_USER, len(came), *named, *went
        )
        return Held(bool(known), online, offline, dict(zip(fewer[::2], fewer[1::2], strict=True)))

    async def sweep(self, view: str, limit: int) -> Swept:
        """Release up to `limit` users of one dead node, if Redis's data is still that of `view`."""
        token, released, offline, more = await self._run("sweep", view, limit)
        return Swept(token, released, offline, bool(more))

    async def claim(self, limit: int) -> Claimed:
        """Take up to `limit` people who are due to be announced; no other replica gets them."""
        now_ms, wait_ms, rows = await self._run("claim", limit)
        return Claimed(now_ms, None if wait_ms < 0 else wait_ms, [_to_person(row) for row in rows])

    async def set_told(self, told_by_user: dict[str, str]) -> None:
        """Remember what was announced."""
        with _translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                for user_id, told in told_by_user.items():
                    pipeline.hset(f"{self._prefix}:person:{user_id}", "told", told)
                await pipeline.execute()

    async def set_status(
        self, user_id: str, status: PresenceStatus, text: str, expires_at_ms: int | None
    ) -> Person:
        """Keep what the user chose, and let it be announced."""
        until = "" if expires_at_ms is None else expires_at_ms
        _now_ms, row = await self._run("set", user_id, status, text, until)
        return _to_person(row)

    async def read(self, user_ids: list[str]) -> Found:
        """Return the people in the order asked; unknown ones are not connected."""
        now_ms, rows, settled = await self._run("read", *user_ids)
        return Found(now_ms, [_to_person(row) for row in rows], bool(settled))

    async def forget(self, user_id: str) -> bool:
        """Delete a person's record; False while they are connected, or their going is yet to be announced."""
        [is_done] = await self._run("forget", user_id)
        return bool(is_done)

    async def ping(self) -> None:
        """Raise if Redis does not answer."""
        with _translated():
            await self._client.ping()

    async def _run(self, script: str, *arguments: str | int) -> list[Any]:
        with _translated():
            reply = await self._scripts[script](keys=[self._prefix], args=[*self._times, *arguments])
        return cast("list[Any]", reply)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as exc:
        raise unavailable(f"Redis does not answer: {exc}"[:200]) from exc


def _to_person(row: list[str]) -> Person:
    user_id, online, status, text, expires_at, active_at, told = row
    return Person(
        user_id=user_id,
        is_connected=bool(online),
        # A status of a newer version, met during a rollout, counts as none.
        status=cast("PresenceStatus", status) if status in _STATUSES else "online",
        text=text,
        expires_at_ms=int(expires_at) if expires_at else None,
        active_at_ms=int(active_at) if active_at else None,
        told=told,
    )
