"""What other services ask, and the public keys that anybody may."""

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.keys import KeyRing
from services.auth.store import api_tokens, endings, users
from shared.bus import Caller
from shared.contracts import auth, internal
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher


class Calls:
    """The handlers and what they need."""

    def __init__(self, *, engine: AsyncEngine, ring: KeyRing) -> None:
        self._engine = engine
        self._ring = ring

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(auth.jwks, self.jwks)
        dispatcher.answer(internal.KEYS, internal.NoRequest, self.keys)
        dispatcher.answer(internal.REVOCATIONS, internal.GetRevocations, self.revocations)
        dispatcher.answer(internal.KNOWN_USERS, internal.UserIds, self.known_users)
        dispatcher.answer(internal.PROFILES, internal.UserIds, self.profiles)
        dispatcher.answer(internal.API_TOKENS, internal.TokenHashes, self.api_tokens)

    async def jwks(self, _caller: Caller, _asked: Empty) -> auth.Jwks:
        return auth.Jwks(self._ring.publish().keys)

    async def keys(self, _asked: internal.NoRequest) -> internal.Keys:
        return self._ring.publish()

    async def revocations(self, asked: internal.GetRevocations) -> internal.Revocations:
        async with self._engine.connect() as connection:
            return await endings.list_revocations(connection, asked.after_rev)

    async def known_users(self, asked: internal.UserIds) -> internal.KnownUsers:
        async with self._engine.connect() as connection:
            return internal.KnownUsers(await users.list_active_ids(connection, asked.user_ids))

    async def profiles(self, asked: internal.UserIds) -> internal.Profiles:
        async with self._engine.connect() as connection:
            return internal.Profiles(await users.list_profiles(connection, asked.user_ids))

    async def api_tokens(self, asked: internal.TokenHashes) -> internal.KnownTokens:
        """Say what these tokens are, and note that they are used. Nodes ask about once a minute for each."""
        hashes = [bytes.fromhex(each) for each in asked.hashes]
        async with self._engine.begin() as connection:
            known = await api_tokens.list_known(connection, hashes)
            if known:
                await api_tokens.note_use(connection, hashes)
        return internal.KnownTokens(known)
