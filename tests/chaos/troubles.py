"""Does what a schedule says, and mends it when its time is over. Each trouble is one call of `bring`."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from deploy.local.postgres import postgres_url
from tests.chaos.keeper import Keeper
from tests.chaos.schedule import GATEWAYS, Trouble
from tests.chaos.system import ChaosStack
from tests.tcp_proxy import TcpProxy

_SLOW_S = 0.15
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1"
_ASK_S = 3

Fault = tuple[Callable[[TcpProxy], None], Callable[[TcpProxy], None]]
"""What begins it on a link, and what ends it."""

_LINK_FAULTS: dict[str, Fault] = {
    "cut": (TcpProxy.cut, TcpProxy.accept),
    "refuse": (TcpProxy.refuse, TcpProxy.accept),
    "silence": (TcpProxy.stall, TcpProxy.flow),
    "silence to the server": (lambda link: link.stall(to_client=False), TcpProxy.flow),
    "silence to the client": (lambda link: link.stall(to_server=False), TcpProxy.flow),
    "slow": (lambda link: link.slow(_SLOW_S), lambda link: link.slow(0)),
    "orphan": (TcpProxy.orphan, TcpProxy.cut_orphans),
}
# A postmaster that is killed leaves its children behind, which hold the memory it needs to start anew.
_DEATHS = {"postgres": signal.SIGQUIT}


class Troubles:
    """Breaks one system."""

    def __init__(self, stack: ChaosStack, keeper: Keeper) -> None:
        self._stack = stack
        self._keeper = keeper

    async def bring(self, trouble: Trouble) -> None:
        """Break something and mend it; returns when it is over."""
        match trouble.what:
            case "kill":
                number = _DEATHS.get(trouble.whom, signal.SIGKILL)
                async with self._keeper.killed(trouble.whom, number):
                    await asyncio.sleep(trouble.lasts_s)
            case "stop":
                async with self._keeper.stopped(trouble.whom):
                    await asyncio.sleep(trouble.lasts_s)
            case "freeze":
                await self._freeze(trouble)
            case "flush":
                await self._flush()
            case "end sessions":
                await self._end_sessions(trouble.whom)
            case "roll":
                await self._roll()
            case _:
                await self._break_links(trouble)

    async def _break_links(self, trouble: Trouble) -> None:
        begin, end = _LINK_FAULTS[trouble.what]
        links = self._stack.find_links(trouble.whom)
        for link in links:
            begin(link)
        try:
            await asyncio.sleep(trouble.lasts_s)
        finally:
            for link in links:
                end(link)

    async def _freeze(self, trouble: Trouble) -> None:
        child = self._stack.find_by_name(trouble.whom)
        child.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(trouble.lasts_s)
        finally:
            child.send_signal(signal.SIGCONT)

    async def _flush(self) -> None:
        with suppress(RedisError):  # it is down already: there is nothing to lose
            async with Redis.from_url(self._stack.endpoints.redis_url, socket_timeout=_ASK_S) as client:
                await client.flushall()

    async def _end_sessions(self, name: str) -> None:
        url = postgres_url(self._stack._data_dir, as_admin=True)
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):  # as above
            connection = await asyncpg.connect(url, timeout=_ASK_S)
            try:
                await connection.execute(_END_SESSIONS, name, timeout=_ASK_S)
            finally:
                connection.terminate()

    async def _roll(self) -> None:
        """One gateway after the other, each only once the one before it is ready again."""
        for name in GATEWAYS:
            async with self._keeper.stopped(name):
                pass
            with suppress(TimeoutError):  # as an operator does who is in a hurry
                await self._keeper.wait_ready(name)
