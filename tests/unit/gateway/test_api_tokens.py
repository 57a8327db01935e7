"""Verdicts on API tokens: held for a while, longer while auth is away, never past a revocation."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.gateway.api_tokens import ApiTokens
from services.gateway.limits import CommandRate
from services.gateway.revocations import Revocations
from shared.api_tokens import create_token, hash_token
from shared.clock import ManualClock
from shared.contracts import internal
from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import ErrorCode
from shared.contracts.internal import KnownToken, Revocation
from shared.errors import ChatError, unavailable
from shared.ids import new_id

START = datetime(2030, 1, 1, tzinfo=UTC)
BURST = 3
ADDRESS = "192.0.2.1"


class Setting:
    """A node's part for tokens, and an auth service that says what it is told to."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.known: dict[str, KnownToken] = {}
        self.asked: list[str] = []
        self.is_away = False
        self.rev = 0
        bus: Any = self
        background: Any = None
        self.revocations = Revocations(bus, background, self.clock)
        self.tokens = ApiTokens(bus, self.revocations, self.clock, CommandRate(1, BURST))

    async def request(self, _subject: str, payload: bytes, **_options: Any) -> bytes:
        """As the bus: what the auth service answers."""
        if self.is_away:
            raise unavailable("auth is away")
        hashes = msgspec.json.decode(payload, type=internal.TokenHashes).hashes
        self.asked += hashes
        now_s = self.clock.now().timestamp()
        found = [msgspec.structs.replace(self.known[h], checked_at=now_s) for h in hashes if h in self.known]
        return b'{"ok":%b}' % msgspec.json.encode(internal.KnownTokens(found))

    def make(self, expires_in_s: float | None = None) -> str:
        token_id = new_id()
        token = create_token(token_id)
        expires_at = None if expires_in_s is None else self.clock.now().timestamp() + expires_in_s
        self.known[hash_token(token)] = KnownToken(
            hash_token(token), token_id, new_id(), "bot", "Bot", "bot", ["read"], 0.0, expires_at
        )
        return token

    def revoke(self, kind: Any, subject_id: str) -> None:
        now_s = self.clock.now().timestamp()
        self.rev += 1
        row = Revocation(self.rev, kind, subject_id, now_s, int(now_s) + 960)
        self.revocations._on_hint(b"", msgspec.json.encode(row))

    def wait(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    async def code_of(self, token: str, address: str = ADDRESS) -> ErrorCode | None:
        try:
            await self.tokens.identify(token, address)
        except ChatError as exc:
            return exc.code
        return None


@pytest.fixture
async def setting() -> Setting:
    return Setting()


async def test_a_token_is_asked_for_once_a_minute(setting: Setting):
    token = setting.make()
    claims = await setting.tokens.identify(token, ADDRESS)
    assert (claims.role, claims.grant is not None) == ("bot", True)
    for seconds in (0, 30, 29):
        setting.wait(seconds)
        assert await setting.tokens.identify(token, ADDRESS) is claims
    assert len(setting.asked) == 1
    setting.wait(2)
    await setting.tokens.identify(token, ADDRESS)
    assert len(setting.asked) == 2


async def test_50_at_once_ask_once(setting: Setting):
    token = setting.make()
    setting.tokens = ApiTokens(setting, setting.revocations, setting.clock, CommandRate(1, 50))  # type: ignore[arg-type]  # as the bus
    codes = await asyncio.gather(*(setting.code_of(token) for _ in range(50)))
    assert codes == [None] * 50
    assert len(setting.asked) == 1


async def test_what_is_not_written_like_a_token_is_not_asked_for(setting: Setting):
    token = setting.make()
    for bad in ("cct_", token[:-1], token + "x", token.swapcase()):
        assert await setting.code_of(bad) is ErrorCode.UNAUTHENTICATED
    assert setting.asked == []


async def test_while_auth_is_away_a_known_token_works_for_a_quarter_of_an_hour(setting: Setting):
    token, other = setting.make(), setting.make()
    await setting.tokens.identify(token, ADDRESS)
    setting.is_away = True
    setting.wait(15 * 60 - 1)
    assert await setting.code_of(token) is None
    assert await setting.code_of(other) is ErrorCode.UNAVAILABLE
    setting.wait(2)
    assert await setting.code_of(token) is ErrorCode.UNAVAILABLE


async def test_a_revoked_token_is_refused_at_once_whether_or_not_auth_is_there(setting: Setting):
    token = setting.make()
    claims = await setting.tokens.identify(token, ADDRESS)
    setting.revoke("login", claims.login_id)
    assert await setting.code_of(token) is ErrorCode.UNAUTHENTICATED
    setting.is_away = True
    assert await setting.code_of(token) is not None


async def test_what_revokes_the_user_makes_the_node_ask_again(setting: Setting):
    token = setting.make()
    claims = await setting.tokens.identify(token, ADDRESS)
    setting.wait(1)
    setting.revoke("user", claims.user_id)
    setting.wait(1)
    # Auth still knows it, after the revocation: a changed role, say, ends no token.
    assert await setting.code_of(token) is None
    assert len(setting.asked) == 2
    setting.revoke("user", claims.user_id)
    del setting.known[hash_token(token)]
    assert await setting.code_of(token) is ErrorCode.UNAUTHENTICATED


async def test_a_token_ends_on_its_second_though_it_is_held(setting: Setting):
    token = setting.make(expires_in_s=30)
    assert await setting.code_of(token) is None
    setting.wait(31)
    setting.known.clear()
    assert await setting.code_of(token) is ErrorCode.UNAUTHENTICATED


async def test_an_unknown_token_is_asked_for_once_in_a_while(setting: Setting):
    token = create_token(new_id())
    for _ in range(20):
        assert await setting.code_of(token) is ErrorCode.UNAUTHENTICATED
    assert len(setting.asked) == 1
    setting.wait(11)
    assert await setting.code_of(token) is ErrorCode.UNAUTHENTICATED
    assert len(setting.asked) == 2


async def test_who_invents_tokens_is_slowed_and_others_are_not(setting: Setting):
    token, fresh = setting.make(), setting.make()
    await setting.tokens.identify(token, ADDRESS)
    codes = [await setting.code_of(create_token(new_id())) for _ in range(10)]
    assert codes == [ErrorCode.UNAUTHENTICATED] * BURST + [ErrorCode.RATE_LIMITED] * (10 - BURST)
    assert len(setting.asked) == 1 + BURST
    # A known token from there goes on, also when it is due to be asked again; elsewhere nobody notices.
    assert await setting.code_of(token) is None
    assert await setting.code_of(fresh, "198.51.100.7") is None
    assert await setting.code_of(fresh) is None


async def test_a_network_of_addresses_is_one(setting: Setting):
    addresses = [f"2001:db8:0:7::{n}" for n in range(BURST)]
    for address in addresses:
        assert await setting.code_of(create_token(new_id()), address) is ErrorCode.UNAUTHENTICATED
    assert await setting.code_of(create_token(new_id()), "2001:db8:0:7:a::1") is ErrorCode.RATE_LIMITED
    assert await setting.code_of(create_token(new_id()), "2001:db8:0:8::1") is ErrorCode.UNAUTHENTICATED


async def test_a_true_token_is_not_counted_as_an_unknown_one(setting: Setting):
    codes = [await setting.code_of(setting.make()) for _ in range(BURST * 5)]
    assert set(codes) == {None}


class LiveConnection:
    """What renewal needs of a connection."""

    def __init__(self, claims: Any) -> None:
        self.claims = claims
        self.expires_at = claims.expires_at
        self.closed: list[int] = []

    def close(self, code: int, _reason: str) -> None:
        self.closed.append(code)


async def test_a_live_connection_lives_on_with_its_token_and_closes_without_it(setting: Setting):
    token = setting.make()
    connection: Any = LiveConnection(await setting.tokens.identify(token, ADDRESS))
    first_end = connection.expires_at
    setting.wait(400)
    await setting.tokens.renew(connection)
    assert connection.expires_at == first_end + 400
    setting.is_away = True
    await setting.tokens.renew(connection)
    assert connection.closed == []
    setting.is_away = False
    setting.known.clear()
    await setting.tokens.renew(connection)
    assert connection.closed == [CloseCode.LOGIN_ENDED]
