"""The caller's accounts at providers: list, link, add and remove them."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import limits, ways_in
from services.auth.changing import changing_factors
from services.auth.fresh import require_fresh
from services.auth.limits import Limits
from services.auth.mail.links import hash_token
from services.auth.mail.postbox import Postbox
from services.auth.oidc.journeys import Journeys
from services.auth.oidc.providers import Providers
from services.auth.store import identities as stored
from services.auth.store import identity_tickets
from services.auth.store.database import read_clock
from services.auth.store.identities import IDENTITIES_MAX, NewIdentity
from shared.bus import Bus, Caller
from shared.contracts import identities as contract
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher
from shared.errors import conflict, not_found
from shared.ids import new_id


class Identities:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        bus: Bus,
        postbox: Postbox,
        rates: Limits,
        providers: Providers,
        journeys: Journeys,
        name_by_issuer: Mapping[str, str],
    ) -> None:
        """`name_by_issuer`: of all by which people sign in, the directory too."""
        self._engine = engine
        self._bus = bus
        self._postbox = postbox
        self._rates = rates
        self._providers = providers
        self._journeys = journeys
        self._name_by_issuer = name_by_issuer

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.list_identities, self.list_identities)
        dispatcher.handle(contract.link_identity, self.link_identity)
        dispatcher.handle(contract.begin_identity, self.begin_identity)
        dispatcher.handle(contract.add_identity, self.add_identity)
        dispatcher.handle(contract.remove_identity, self.remove_identity)

    async def list_identities(self, caller: Caller, _asked: Empty) -> contract.Identities:
        async with self._engine.connect() as connection:
            found = await stored.list_identities(connection, caller.user_id, self._name_by_issuer)
        return contract.Identities(found)

    async def link_identity(self, caller: Caller, asked: contract.LinkIdentity) -> contract.Identity:
        """Confirm a link. Raises ChatError `not_found` for a token that is not for the caller, or used."""
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            token_hash = hash_token(asked.link_token)
            ticket = await identity_tickets.take(change.connection, token_hash, caller.user_id)
            if ticket is None:
                raise not_found("link")
            name = self._providers.get(ticket.provider_id).settings.name
            new = NewIdentity(ticket.provider_id, name, ticket.issuer, ticket.subject, ticket.email)
            identity = await _insert(change.connection, caller.user_id, new)
            change.note("identity.linked", identity_id=identity.id, provider_id=identity.provider_id)
            return identity

    async def begin_identity(self, caller: Caller, asked: contract.BeginOidc) -> contract.OidcBegun:
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.challenge(caller.address))
            await require_fresh(connection, caller)
            await _refuse_more(connection, caller.user_id)
        departure, begun = await self._journeys.prepare(asked.provider_id)
        async with self._engine.begin() as connection:
            await self._journeys.depart(connection, departure, caller.user_id)
        return begun

    async def add_identity(self, caller: Caller, asked: contract.FinishOidc) -> contract.Identity:
        """Add who has come back to the account of who went. Raises ChatError `conflict` if another's."""
        async with self._engine.begin() as connection:
            await require_fresh(connection, caller)  # before the flow is used up
            departure = await self._journeys.receive(connection, asked, caller.user_id)
        profile = await self._journeys.identify(departure, asked)
        assert departure is not None  # else it has raised
        provider = departure.provider.settings
        new = NewIdentity(provider.id, provider.name, profile.issuer, profile.subject, profile.email)
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            identity = await _insert(change.connection, caller.user_id, new)
            change.note("identity.added", identity_id=identity.id, provider_id=provider.id)
            return identity

    async def remove_identity(self, caller: Caller, asked: contract.RemoveIdentity) -> Empty:
        """Raises ChatError `conflict` if nothing else would let the caller in again."""
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            if not await stored.remove(change.connection, caller.user_id, asked.identity_id):
                raise not_found("identity")
            if not await ways_in.are_left(change.connection, change.account, self._name_by_issuer):
                raise conflict("this is your last way to sign in; add a passkey or another one first")
            change.note("identity.removed", identity_id=asked.identity_id)
        return Empty()


async def _insert(connection: AsyncConnection, user_id: str, new: NewIdentity) -> contract.Identity:
    await _refuse_more(connection, user_id)
    now = await read_clock(connection)
    identity = await stored.insert_identity(connection, user_id, new, identity_id=new_id(), now=now)
    if identity is None:
        raise conflict("this account at the provider is linked already, to you or to somebody else")
    return identity


async def _refuse_more(connection: AsyncConnection, user_id: str) -> None:
    if await stored.count_identities(connection, user_id) >= IDENTITIES_MAX:
        raise conflict(f"nobody has more than {IDENTITIES_MAX} accounts at providers; remove one first")
