"""How soon a logout is felt: from asking for it until the last socket on every node has its close frame."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx2

from bench.accounts.accounts import add_accounts
from bench.accounts.effort import Effort
from bench.accounts.signing_in import find_address, sign_in
from bench.load.load_process import LoadFailed
from bench.load.measure import summarise_ms
from bench.store.system import Shape, System, run_system
from tests.wire import Socket

_GATEWAYS = 2
_LOGIN_ENDED = 4500


async def measure_endings(_system: System, effort: Effort) -> dict[str, Any]:
    """People with a socket on each of two gateways log out at one of them, one after the other.

    On a system of its own: the others are measured on one gateway.
    """
    async with run_system(Shape(gateways=_GATEWAYS)) as several, httpx2.AsyncClient() as http:
        urls = several.stack.gateway_urls
        names = await add_accounts(several, effort.endings)
        logins = [await sign_in(find_address(several), name) for name in names]
        taken_s = [await _time_logout(urls, each["access_token"], http) for each in logins]
    return {"gateways": _GATEWAYS, "logouts": len(names), **summarise_ms(taken_s)}


async def _time_logout(urls: list[str], token: str, http: httpx2.AsyncClient) -> float:
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(Socket.open(url, token)) for url in urls]
        started_s = time.perf_counter()
        answer, *codes = await asyncio.gather(
            http.post(f"{urls[0]}/api/v1/auth/logout", json={}, headers={"Authorization": f"Bearer {token}"}),
            *(socket.wait_closed() for socket in sockets),
        )
        taken_s = time.perf_counter() - started_s
    if answer.status_code != 200 or set(codes) != {_LOGIN_ENDED}:
        raise LoadFailed(f"a logout was answered {answer.status_code}, its sockets closed with {codes}")
    return taken_s
