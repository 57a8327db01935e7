"""Proves once more who somebody is by the provider at which they sign in: the way there, and what comes back.

The provider is asked to authenticate them anew (`prompt=login`, `max_age=0`), and must say that it has.
"""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.oidc.journeys import Journeys
from services.auth.oidc.profile import Profile
from services.auth.oidc.providers import Providers
from services.auth.store import identities
from services.auth.store.identities import Owner
from shared.contracts.errors import ErrorCode
from shared.contracts.identities import FinishOidc, OidcBegun
from shared.errors import ChatError, not_found


class ProviderProof(Struct, frozen=True):
    """Whose account at the provider was just signed in to; only `spend` says that it still is."""

    owner: Owner
    email: str | None


class ProviderProofs:
    """Asks providers outside of transactions: they may be slow."""

    def __init__(self, engine: AsyncEngine, providers: Providers, journeys: Journeys) -> None:
        self._engine = engine
        self._providers = providers
        self._journeys = journeys

    async def begin(self, provider_id: str, user_id: str) -> OidcBegun:
        """Send a user to a provider by which they sign in. Raises ChatError `not_found`, `unavailable`."""
        issuer = self._providers.get(provider_id).settings.issuer
        async with self._engine.connect() as connection:
            if not await identities.has_at(connection, user_id, [issuer]):
                raise not_found("identity")
        departure, begun = await self._journeys.prepare(provider_id, is_proof=True)
        async with self._engine.begin() as connection:
            await self._journeys.depart(connection, departure, user_id)
        return begun

    async def check(self, answer: FinishOidc, user_id: str) -> ProviderProof | None:
        """Return what a user has brought back; None if it does not hold. Raises ChatError `unavailable`."""
        profile = await self._identify(answer, user_id)
        if profile is None:
            return None
        async with self._engine.connect() as connection:
            owner = await identities.find_owner(connection, profile.issuer, profile.subject)
        return ProviderProof(owner, profile.email) if owner and owner.user_id == user_id else None

    @staticmethod
    async def spend(connection: AsyncConnection, proof: ProviderProof) -> bool:
        """Whether a locked user still signs in by it."""
        return await identities.note_use(connection, proof.owner, proof.email)

    async def _identify(self, answer: FinishOidc, user_id: str) -> Profile | None:
        async with self._engine.begin() as connection:
            departure = await self._journeys.receive(connection, answer, user_id, is_proof=True)
        try:
            return await self._journeys.identify(departure, answer)
        except ChatError as exc:
            if exc.code is not ErrorCode.UNAUTHENTICATED:
                raise
            return None  # it is not the login that has ended
