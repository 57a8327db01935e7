"""The way to a provider and back: who left by which browser, and who the provider says has returned."""

import hmac

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


class Journeys:
    """Asks providers outside of transactions: they may be slow."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    async def prepare(self, provider_id: str) -> tuple[Departure, OidcBegun]:
        """Raises ChatError `not_found`, `unavailable`. Counts once it is stored."""
        provider, secrets = self._providers.get(provider_id), FlowSecrets.create()
        url = await provider.make_url(secrets)
        return Departure(provider, secrets), OidcBegun(url, secrets.state, secrets.binding)

    async def depart(self, connection: AsyncConnection, departure: Departure, user_id: str | None) -> None:
        """Remember who goes; `user_id` for who is signed in and adds an identity."""
        secrets, provider_id = departure.secrets, departure.provider.settings.id
        flow = Flow(secrets.binding_hash, provider_id, user_id)
        await oidc_flows.insert_flow(connection, secrets.state_hash, flow)

    async def receive(
        self, connection: AsyncConnection, asked: FinishOidc, user_id: str | None
    ) -> Departure | None:
        """Take the flow of who returns; None if there is none, or it is another browser's. Commit it."""
        secrets = FlowSecrets(asked.state, asked.binding)
        flow = await oidc_flows.take(connection, secrets.state_hash)
        if flow is None or flow.user_id != user_id:
            return None
        if not hmac.compare_digest(flow.binding_hash, secrets.binding_hash):
            return None
        return Departure(self._providers.get(flow.provider_id), secrets)

    @staticmethod
    async def identify(departure: Departure | None, asked: FinishOidc) -> Profile:
        """Ask the provider who it is. Raises ChatError `unauthenticated`, `unavailable`."""
        if departure is None:
            raise not_signed_in()
        return await departure.provider.finish(departure.secrets, asked.code, asked.iss)
