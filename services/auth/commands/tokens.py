"""Personal API tokens: make one, list them, end one."""

from services.auth.minting import TokenMint, Wish
from shared.bus import Caller
from shared.contracts import tokens as contract
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher


class Tokens:
    """The handlers and what they need."""

    def __init__(self, *, mint: TokenMint) -> None:
        self._mint = mint

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.create, self.create)
        dispatcher.handle(contract.list_tokens, self.list_tokens)
        dispatcher.handle(contract.revoke, self.revoke)

    async def create(self, caller: Caller, asked: contract.CreateToken) -> contract.NewToken:
        wish = Wish(asked.name, asked.scopes, asked.expires_in_days)
        return await self._mint.create(caller, caller.user_id, wish)

    async def list_tokens(self, caller: Caller, _asked: Empty) -> contract.ApiTokens:
        return await self._mint.list_live(caller, caller.user_id)

    async def revoke(self, caller: Caller, asked: contract.RevokeToken) -> Empty:
        await self._mint.revoke(caller, caller.user_id, asked.token_id)
        return Empty()
