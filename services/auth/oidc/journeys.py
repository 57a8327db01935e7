"""The way to a provider and back: who left by which browser, and who the provider says has returned."""

import hmac
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.oidc.flow_secrets import FlowSecrets
from services.auth.oidc.profile import Profile
from services.auth.oidc.provider import Provider, not_signed_in
from services.auth.oidc.providers import Providers
from services.auth.store import oidc_flows
from services.auth.store.oidc_flows import Flow
from shared.contracts.identities import FinishOidc, OidcBegun


class Departure(Struct, frozen=True):
    """Whom the browser was sent to, and what only that browser and we know."""

    provider: Provider
    secrets: FlowSecrets
    left_at: datetime | None = None
    """None: not yet."""


class Journeys:
    """Asks providers outside of transactions: they may be slow."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    async def prepare(self, provider_id: str, *, is_proof: bool = False) -> tuple[Departure, OidcBegun]:
        """Raises ChatError `not_found`, `unavailable`. Counts once it is stored.

        `is_proof`: to prove once more who one is, so that the provider asks whatever session there is.
        """
        provider, secrets = self._providers.get(provider_id), FlowSecrets.create(is_proof=is_proof)
        url = await provider.make_url(secrets)
        return Departure(provider, secrets), OidcBegun(url, secrets.state, secrets.binding)

    async def depart(self, connection: AsyncConnection, departure: Departure, user_id: str | None) -> None:
        """Remember who goes; `user_id` for who is signed in."""
        secrets, provider_id = departure.secrets, departure.provider.settings.id
        flow = Flow(secrets.binding_hash, provider_id, user_id)
        await oidc_flows.insert_flow(connection, secrets.state_hash, flow)

    async def receive(
        self, connection: AsyncConnection, asked: FinishOidc, user_id: str | None, *, is_proof: bool = False
    ) -> Departure | None:
        """Take the flow of who returns; None if there is none, or it is another browser's. Commit it."""
        secrets = FlowSecrets(asked.state, asked.binding, is_proof)
        taken = await oidc_flows.take(connection, secrets.state_hash)
        if taken is None or taken.flow.user_id != user_id:
            return None
        if not hmac.compare_digest(taken.flow.binding_hash, secrets.binding_hash):
            return None
        return Departure(self._providers.get(taken.flow.provider_id), secrets, taken.begun_at)

    @staticmethod
    async def identify(departure: Departure | None, asked: FinishOidc) -> Profile:
        """Ask the provider who it is. Raises ChatError `unauthenticated`, `unavailable`."""
        if departure is None:
            raise not_signed_in()
        assert departure.left_at is not None, "it was received"
        since = departure.left_at if departure.secrets.is_proof else None
        return await departure.provider.finish(departure.secrets, asked.code, asked.iss, since)
