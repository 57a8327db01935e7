"""What it costs a gateway to know who presents a token, by one core; beside it PyJWT with nothing around.

The parts are the gateway's own, in this process, fed by the running auth service.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import jwt
from jwt.algorithms import OKPAlgorithm

from bench.accounts.accounts import add_api_tokens
from bench.accounts.effort import Effort
from bench.load.measure import summarise_repeats
from bench.store.system import System
from services.gateway.api_tokens import ApiTokens
from services.gateway.identity import Identity
from services.gateway.limits import CommandRate
from services.gateway.revocations import Revocations
from shared import calls
from shared.background import Background
from shared.bus import Bus
from shared.clock import SystemClock
from shared.contracts import internal
from shared.tokens import AUDIENCE, ISSUER

BARE = "PyJWT alone"
JWT, JWT_CACHED = "access token, first time", "access token, again"
API, API_CACHED = "API token, first time", "API token, again"
_CACHED_ROUNDS = 10
_AT_ONCE = 64
_ADDRESS = "127.0.0.1"
_NO_LIMIT = 1e9


async def measure_token_checks(system: System, effort: Effort) -> dict[str, Any]:
    """Every contender in every round, each round with a gateway's memory that is empty at first."""
    people = await system.population.add_people(effort.checks)
    tokens = [each.token for each in people]
    api_tokens = await add_api_tokens(system, people)
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        bus = await Bus.connect([system.stack.endpoints.nats_url_by_user["gateway"]], "gateway")
        stack.push_async_callback(bus.close)
        background = await stack.enter_async_context(Background())
        keys = await calls.call(bus, internal.KEYS, internal.NoRequest(), internal.Keys)
        key_by_id = {key["kid"]: OKPAlgorithm.from_jwk(key) for key in keys.keys}
        for _ in range(effort.repeats + 1):
            identity = await _make_identity(bus, background)
            _note(found, BARE, _verify_all(tokens, key_by_id))
            for name, wanted, rounds, at_once in (
                (JWT, tokens, 1, 1),
                (JWT_CACHED, tokens, _CACHED_ROUNDS, 1),
                (API, api_tokens, 1, _AT_ONCE),
                (API_CACHED, api_tokens, _CACHED_ROUNDS, 1),
            ):
                taken_s = await _identify_all(identity.identify, wanted * rounds, at_once)
                _note(found, name, taken_s / rounds)
    return {
        name: _summarise(taken[1:], len(tokens))  # the first round warms up
        for name, taken in found.items()
    } | {"tokens": len(tokens)}


async def _make_identity(bus: Bus, background: Background) -> Identity:
    clock = SystemClock()
    revocations = Revocations(bus, background, clock)
    await revocations.pull()
    held = ApiTokens(bus, revocations, clock, CommandRate(_NO_LIMIT, _NO_LIMIT))
    identity = Identity(bus, revocations, clock, held)
    await identity.load_keys()
    return identity


def _verify_all(tokens: list[str], key_by_id: dict[str, Any]) -> float:
    started_s = time.perf_counter()
    for token in tokens:
        key = key_by_id[jwt.get_unverified_header(token)["kid"]]
        jwt.decode(token, key, algorithms=["EdDSA"], issuer=ISSUER, audience=AUDIENCE)
    return time.perf_counter() - started_s


async def _identify_all(
    identify: Callable[[str, str], Awaitable[object]], tokens: list[str], at_once: int
) -> float:
    started_s = time.perf_counter()
    if at_once == 1:
        for token in tokens:
            await identify(token, _ADDRESS)
    else:
        for start in range(0, len(tokens), at_once):
            await asyncio.gather(*(identify(each, _ADDRESS) for each in tokens[start : start + at_once]))
    return time.perf_counter() - started_s


def _note(found: dict[str, list[float]], name: str, taken_s: float) -> None:
    found.setdefault(name, []).append(taken_s)


def _summarise(taken: list[float], count: int) -> dict[str, Any]:
    return {
        "us": summarise_repeats([each / count * 1e6 for each in taken]),
        "per_s": summarise_repeats([count / each for each in taken]),
    }
