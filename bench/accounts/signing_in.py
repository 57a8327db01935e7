"""Logins and refreshes a second through the doors; beside them what the hashing pool does alone."""

import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.accounts.accounts import PASSWORD, add_accounts, hash_password
from bench.accounts.effort import Effort
from bench.accounts.rest import Address, RestLink, Visitor, make_post, run_closed_loop
from bench.load.load_process import LoadFailed
from bench.load.measure import summarise_repeats
from bench.store.system import System
from services.auth.passwords import Passwords

# Enough to keep every hashing thread busy, and too few to fill its queue.
LOGINS_AT_ONCE = 16
_REFRESHES_AT_ONCE = 16


def find_address(system: System) -> Address:
    """Return where the gateway listens."""
    url = urlsplit(system.stack.gateway_urls[0])
    return url.hostname or "", url.port or 0


class Login:
    """Somebody who signs in again and again; every time it is another account's turn."""

    def __init__(self, address: Address, names: "itertools.cycle[str]") -> None:
        self._address = address
        self._names = names

    def ask(self) -> bytes:
        body = {"login": next(self._names), "password": PASSWORD}
        return make_post(self._address, "/auth/login", body)

    def take(self, status: int, body: bytes) -> None:
        """An access token that nobody uses."""


class Refresh:
    """Somebody whose login goes on and on."""

    def __init__(self, address: Address, refresh_token: str) -> None:
        self._address = address
        self._refresh_token = refresh_token

    def ask(self) -> bytes:
        return make_post(self._address, "/auth/refresh", {"refresh_token": self._refresh_token})

    def take(self, status: int, body: bytes) -> None:
        """Remember the next token."""
        if status == 200:
            self._refresh_token = json.loads(body)["tokens"]["refresh_token"]


async def measure_hashing(effort: Effort) -> dict[str, Any]:
    """The limit: as many verifications as the pool makes on this machine, with nothing around it."""
    passwords = Passwords()
    wanted = await hash_password()
    done = 0

    async def verify_until(end_s: float) -> None:
        nonlocal done
        while time.perf_counter() < end_s:
            assert await passwords.verify(wanted, PASSWORD)
            done += 1

    rates = []
    for _ in range(effort.repeats):
        done = 0
        started_s = time.perf_counter()
        await asyncio.gather(*(verify_until(started_s + effort.window_s / 2) for _ in range(LOGINS_AT_ONCE)))
        rates.append(done / (time.perf_counter() - started_s))
    passwords.close()
    return summarise_repeats(rates)


async def measure_logins(system: System, effort: Effort) -> dict[str, Any]:
    """Passwords of accounts in turn: limits, hash, row of the login, tokens."""
    address = find_address(system)
    names = itertools.cycle(await add_accounts(system, effort.accounts))
    pool = await measure_hashing(effort)
    visitors = [Login(address, names) for _ in range(LOGINS_AT_ONCE)]
    return {"hashing_alone_per_s": pool} | await _repeat(system, effort, visitors)


async def measure_refreshes(system: System, effort: Effort) -> dict[str, Any]:
    """Logins that are refreshed one after the other, each with the token it was given last."""
    address = find_address(system)
    names = await add_accounts(system, _REFRESHES_AT_ONCE)
    visitors = [Refresh(address, (await sign_in(address, name))["refresh_token"]) for name in names]
    return await _repeat(system, effort, visitors)


async def sign_in(address: Address, name: str) -> dict[str, Any]:
    """Return the tokens of a new login. Raises LoadFailed."""
    link = await RestLink.open(address)
    body = {"login": name, "password": PASSWORD}
    status, answer = await link.ask(make_post(address, "/auth/login", body))
    link.close()
    if status != 200:
        raise LoadFailed(f"signing in was answered {status}: {answer[:200]!r}")
    tokens: dict[str, Any] = json.loads(answer)["tokens"]
    return tokens


async def _repeat(system: System, effort: Effort, visitors: Sequence[Visitor]) -> dict[str, Any]:
    address = find_address(system)
    meter = system.meter()
    runs = [
        await run_closed_loop(address, visitors, effort.warm_s, effort.window_s)
        for _ in range(effort.repeats)
    ]
    cores = meter.read()
    statuses: dict[str, int] = {}
    for run in runs:
        for status, count in run["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    return {
        "per_s": summarise_repeats([run["per_s"] for run in runs]),
        **{name: round(median(run[name] for run in runs), 2) for name in ("p50_ms", "p99_ms")},
        "statuses": statuses,
        "cores_used": cores,
    }
