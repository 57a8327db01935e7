"""Makes and ends API tokens, for oneself and for one's bots alike: the one place for it."""

from datetime import timedelta

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import hints, limits
from services.auth.fresh import require_fresh
from services.auth.limits import Limits
from services.auth.mail.postbox import Postbox
from services.auth.store import api_tokens, audit, bots, endings, users
from services.auth.store.api_tokens import TokenRow
from services.auth.store.audit import Deed
from services.auth.store.database import read_clock
from shared import api_tokens as text
from shared.bus import Bus, Caller
from shared.contracts.tokens import ApiTokens, NewToken
from shared.errors import conflict, forbidden, invalid, not_found
from shared.ids import new_id


class Wish(Struct, frozen=True):
    """The token that somebody wants."""

    name: str
    scopes: list[str]
    expires_in_days: int | None


class TokenMint:
    """Every method takes as whom the token acts: the caller, or a bot that must be the caller's."""

    def __init__(
        self, engine: AsyncEngine, bus: Bus, postbox: Postbox, rates: Limits, tokens_max: int
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._postbox = postbox
        self._rates = rates
        self._tokens_max = tokens_max

    async def create(self, caller: Caller, user_id: str, wish: Wish) -> NewToken:
        """Make a token. Raises ChatError `forbidden`, `conflict`, `not_found`, `invalid_input`."""
        if not {"read", "write"} & set(wish.scopes):
            raise invalid("scopes", "must have read, write, or both")
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.minting(caller.user_id))
            await self._hold(connection, caller, user_id)
            await require_fresh(connection, caller)
            if await api_tokens.count_live(connection, user_id) >= self._tokens_max:
                raise conflict(f"at most {self._tokens_max} tokens can be valid at once: revoke one")
            row, token = await _draw(connection, user_id, wish)
            made = await api_tokens.insert_token(connection, row)
            await self._notify(connection, caller, wish.name, is_for_bot=user_id != caller.user_id)
            details = {"token_id": row.id, "scopes": row.scopes}
            await audit.record(
                connection, Deed("token.created", caller.user_id, user_id, caller.address, details)
            )
        return NewToken(**msgspec.structs.asdict(made), token=token)

    async def list_live(self, caller: Caller, user_id: str) -> ApiTokens:
        """Return the valid tokens. Raises ChatError `not_found`."""
        async with self._engine.connect() as connection:
            if user_id != caller.user_id and not await bots.is_active(connection, user_id, caller.user_id):
                raise not_found("bot")
            return ApiTokens(await api_tokens.list_live(connection, user_id))

    async def revoke(self, caller: Caller, user_id: str, token_id: str) -> None:
        """End a token on every node. Raises ChatError `not_found`."""
        async with self._engine.begin() as connection:
            await self._hold(connection, caller, user_id)
            if not await api_tokens.lock_live(connection, token_id, user_id):
                raise not_found("token")
            details = {"token_id": token_id}
            await audit.record(
                connection, Deed("token.revoked", caller.user_id, user_id, caller.address, details)
            )
            revocation = await endings.end_token(connection, token_id)
        await hints.announce(self._bus, revocation)

    async def _notify(
        self, connection: AsyncConnection, caller: Caller, name: str, *, is_for_bot: bool
    ) -> None:
        me = await users.find_me(connection, caller.user_id)
        if me is not None:
            await self._postbox.notify(
                connection,
                me,
                lambda to, username: self._postbox.texts.token_created(
                    to, username, name, is_for_bot=is_for_bot
                ),
            )

    @staticmethod
    async def _hold(connection: AsyncConnection, caller: Caller, user_id: str) -> None:
        """Hold the caller and their bot until commit: neither is deactivated meanwhile."""
        if not await bots.lock_owner(connection, caller.user_id):
            raise forbidden("this account is deactivated")
        if user_id != caller.user_id and not await bots.lock_active(connection, user_id, caller.user_id):
            raise not_found("bot")


async def _draw(connection: AsyncConnection, user_id: str, wish: Wish) -> tuple[TokenRow, str]:
    """Return the row of a new token, and the token itself, which is in no row."""
    token_id, now = new_id(), await read_clock(connection)
    token = text.create_token(token_id)
    days = wish.expires_in_days
    row = TokenRow(
        id=token_id,
        user_id=user_id,
        name=wish.name,
        token_hash=text.hash_token(token),
        scopes=sorted(set(wish.scopes)),
        created_at=now,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    return row, token
