"""Who presents a token: keys are fetched once however many ask, and let go when they count no more."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.gateway.api_tokens import ApiTokens
from services.gateway.identity import Identity
from services.gateway.revocations import Revocations
from shared.bus import Bus
from shared.clock import ManualClock
from shared.contracts import internal
from shared.errors import ChatError
from shared.ids import new_id
from shared.tokens import ACCESS_TOKEN_S, AUDIENCE, ISSUER, Claims, public_jwk, sign

OLD, NEW = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


class KeyServer:
    """The bus, with an auth service behind it that publishes these keys."""

    def __init__(self, **keys: Ed25519PrivateKey) -> None:
        self.keys = keys
        self.fetches = 0

    async def request(self, subject: str, _payload: bytes, **_options: Any) -> bytes:
        assert subject == internal.KEYS
        self.fetches += 1
        await asyncio.sleep(0)  # as on the wire: others come meanwhile
        jwks = [public_jwk(key, key_id) for key_id, key in self.keys.items()]
        return b'{"ok":%b}' % msgspec.json.encode(internal.Keys(jwks, ISSUER, AUDIENCE))


class NobodyRevoked:
    """A list of revocations without a row."""

    def find(self, _claims: Claims) -> None:
        return None


def make_token(key: Ed25519PrivateKey, key_id: str) -> str:
    now_s = datetime.now(UTC).timestamp()
    claims = Claims(new_id(), new_id(), "member", "ada", "Ada", now_s, int(now_s) + ACCESS_TOKEN_S)
    return sign(claims, key, key_id)


async def start(server: KeyServer) -> tuple[Identity, ManualClock]:
    clock = ManualClock(datetime.now(UTC))
    identity = Identity(
        cast("Bus", server), cast("Revocations", NobodyRevoked()), clock, cast("ApiTokens", None)
    )
    await identity.load_keys()
    server.fetches = 0
    return identity, clock


async def test_thousands_with_a_key_that_is_new_are_one_fetch():
    server = KeyServer(old=OLD)
    identity, clock = await start(server)
    server.keys["new"] = NEW
    clock.set(clock.now() + timedelta(seconds=3))
    tokens = [make_token(NEW, "new") for _ in range(2_000)]
    claims = await asyncio.gather(*(identity.identify(token, "::1") for token in tokens))
    assert len({each.user_id for each in claims}) == 2_000
    assert server.fetches == 1
    assert await identity.identify(make_token(OLD, "old"), "::1")


async def test_thousands_with_invented_keys_are_one_fetch_in_two_seconds():
    server = KeyServer(old=OLD)
    identity, clock = await start(server)
    for second in range(0, 10, 5):
        clock.set(clock.now() + timedelta(seconds=5))
        tokens = [make_token(NEW, f"invented-{second}-{number}") for number in range(1_000)]
        refusals = await asyncio.gather(
            *(identity.identify(token, "::1") for token in tokens), return_exceptions=True
        )
        assert all(isinstance(each, ChatError) for each in refusals)
    assert server.fetches == 2


async def test_a_key_that_is_published_no_more_opens_nothing_also_what_it_has_opened_before():
    server = KeyServer(old=OLD, new=NEW)
    identity, _ = await start(server)
    leaked, kept = make_token(OLD, "old"), make_token(NEW, "new")
    await identity.identify(leaked, "::1")
    await identity.identify(kept, "::1")
    del server.keys["old"]
    await identity.load_keys()
    with pytest.raises(ChatError):
        await identity.identify(leaked, "::1")
    assert await identity.identify(kept, "::1")
