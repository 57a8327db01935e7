"""Proxies in front: who is trusted says who asks, and who said so is kept, for whoever asks that.

Around the whole app. Knows nothing of what is asked.
"""

from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PEER = "chatcraft.peer"
"""Where a scope has the address that the connection really comes from."""


class BehindProxies:
    """The app for a node that trusts proxies: `client` is whom they speak for."""

    def __init__(self, app: Any, trusted: str) -> None:
        self._app = ProxyHeadersMiddleware(app, trusted_hosts=trusted)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope[PEER] = scope.get("client")
        await self._app(scope, receive, send)
