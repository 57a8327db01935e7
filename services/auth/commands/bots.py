"""Bots: make one, look after it and its API tokens, deactivate it. Others' bots are not found."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import domain, hints, limits
from services.auth.fresh import require_fresh
from services.auth.limits import Limits
from services.auth.minting import TokenMint, Wish
from services.auth.store import audit, bots, endings, users
from services.auth.store.audit import Deed
from services.auth.store.database import read_clock
from shared.bus import Bus, Caller
from shared.contracts import bots as contract
from shared.contracts.entities import Empty, User
from shared.contracts.tokens import ApiTokens, NewToken
from shared.dispatch import Dispatcher
from shared.errors import conflict, forbidden, not_found, taken
from shared.ids import new_id


class Bots:
    """The handlers and what they need."""

    def __init__(
        self, *, engine: AsyncEngine, bus: Bus, mint: TokenMint, rates: Limits, bots_max: int
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._mint = mint
        self._rates = rates
        self._bots_max = bots_max

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.create, self.create)
        dispatcher.handle(contract.list_bots, self.list_bots)
        dispatcher.handle(contract.update, self.update)
        dispatcher.handle(contract.delete, self.delete)
        dispatcher.handle(contract.list_tokens, self.list_tokens)
        dispatcher.handle(contract.create_token, self.create_token)
        dispatcher.handle(contract.revoke_token, self.revoke_token)

    async def create(self, caller: Caller, asked: contract.CreateBot) -> User:
        """Make a bot. Raises ChatError `forbidden`, `conflict`."""
        bot_id, username = new_id(), domain.fold_username(asked.username)
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.minting(caller.user_id))
            if not await bots.lock_owner(connection, caller.user_id):
                raise forbidden("this account is deactivated")
            await require_fresh(connection, caller)
            if await bots.count_active(connection, caller.user_id) >= self._bots_max:
                raise conflict(f"at most {self._bots_max} bots can be active at once: delete one")
            is_made = await bots.insert_bot(
                connection,
                bot_id=bot_id,
                owner_id=caller.user_id,
                username=username,
                display_name=asked.display_name,
                now=await read_clock(connection),
            )
            if not is_made:
                raise taken("username")
            await audit.record(connection, Deed("bot.created", caller.user_id, bot_id, caller.address))
            me = await users.find_me(connection, bot_id)
        assert me is not None, "inserted above"
        return domain.to_public(me)

    async def list_bots(self, caller: Caller, _asked: Empty) -> contract.Bots:
        async with self._engine.connect() as connection:
            found = await bots.list_active(connection, caller.user_id)
        return contract.Bots([domain.to_public(me) for me in found])

    async def update(self, caller: Caller, asked: contract.UpdateBot) -> User:
        fields = msgspec.structs.asdict(asked)
        del fields["bot_id"]
        changes = {name: value for name, value in fields.items() if value is not msgspec.UNSET}
        async with self._engine.begin() as connection:
            if not await bots.lock_active(connection, asked.bot_id, caller.user_id):
                raise not_found("bot")
            me = await users.update_profile(connection, asked.bot_id, changes)
        assert me is not None, "locked above"
        return domain.to_public(me)

    async def delete(self, caller: Caller, asked: contract.OneBot) -> Empty:
        """Deactivate a bot: its sockets close on every node, its tokens end."""
        async with self._engine.begin() as connection:
            if not await bots.lock_active(connection, asked.bot_id, caller.user_id):
                raise not_found("bot")
            deed = Deed("bot.deleted", caller.user_id, asked.bot_id, caller.address)
            await audit.record(connection, deed)
            revocation = await endings.deactivate(connection, asked.bot_id)
        assert revocation is not None, "active when it was locked"
        await hints.announce(self._bus, revocation)
        return Empty()

    async def list_tokens(self, caller: Caller, asked: contract.OneBot) -> ApiTokens:
        return await self._mint.list_live(caller, _other_than(caller, asked.bot_id))

    async def create_token(self, caller: Caller, asked: contract.CreateBotToken) -> NewToken:
        wish = Wish(asked.name, asked.scopes, asked.expires_in_days)
        return await self._mint.create(caller, _other_than(caller, asked.bot_id), wish)

    async def revoke_token(self, caller: Caller, asked: contract.RevokeBotToken) -> Empty:
        await self._mint.revoke(caller, _other_than(caller, asked.bot_id), asked.token_id)
        return Empty()


def _other_than(caller: Caller, bot_id: str) -> str:
    """Return the id of what claims to be a bot: one's own id would be taken for a personal token's."""
    if bot_id == caller.user_id:
        raise not_found("bot")
    return bot_id
