"""The providers of this deployment, by id; they share one way out."""

from services.auth.oidc.fetching import BoundedTransport
from services.auth.oidc.provider import Provider
from services.auth.oidc.settings import OidcSettings
from shared.contracts import registration
from shared.errors import not_found


class Providers:
    """`close` when done."""

    def __init__(self, settings: OidcSettings) -> None:
        self._transport = BoundedTransport()
        self._by_id = {
            each.id: Provider(each, settings.auth_public_url, self._transport)
            for each in settings.oidc_providers
        }

    def get(self, provider_id: str) -> Provider:
        """Raises ChatError `not_found`."""
        provider = self._by_id.get(provider_id)
        if provider is None:
            raise not_found("provider")
        return provider

    def describe(self) -> list[registration.Provider]:
        """Return what the sign-in page shows."""
        return [registration.Provider(each.settings.id, each.settings.name) for each in self._by_id.values()]

    @property
    def name_by_issuer(self) -> dict[str, str]:
        return {each.settings.issuer: each.settings.name for each in self._by_id.values()}

    async def close(self) -> None:
        await self._transport.aclose()
