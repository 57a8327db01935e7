"""The socket's door, `/ws`: handshake and authentication as ordinary ASGI, then a Connection.

Under uvicorn with our protocol class the connection detaches and this function returns.
"""

from typing import Any

from services.gateway.asgi_transport import AsgiTransport
from services.gateway.detach import DETACH
from services.gateway.doors import SUBPROTOCOL, find_bearer, find_subprotocol_token, is_origin_allowed
from services.gateway.identity import Identity
from services.gateway.node import GatewayNode
from services.gateway.settings import GatewaySettings
from shared.contracts.errors import STATUS, ErrorCode
from shared.errors import ChatError, forbidden, unavailable
from shared.tokens import Claims

SOCKET_PATH = "/ws"
_FULL_RETRY_S = 5


class SocketDoor:
    """The ASGI application behind `/ws`."""

    def __init__(self, node: GatewayNode, identity: Identity, settings: GatewaySettings) -> None:
        self._node = node
        self._identity = identity
        self._settings = settings

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()  # websocket.connect
        address = scope["client"][0] if scope.get("client") else ""
        try:
            claims = await self._authenticate(scope, address)
            me = await self._node.get_me(claims)
        except ChatError as exc:
            await _refuse(scope, send, exc)
            return
        chosen = SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        # No await from here to `open`: what the peer sends next must find its connection.
        connection = self._node.create_connection(claims, address)
        detach = scope["extensions"].get(DETACH)
        if detach is not None:
            connection.bind(detach(connection))
            self._node.open(connection, me)
            return
        transport = AsgiTransport(connection, receive, send, self._node.limits.frame_bytes)
        connection.bind(transport)
        self._node.open(connection, me)
        await transport.run()

    async def _authenticate(self, scope: Any, address: str) -> Claims:
        if not is_origin_allowed(scope["headers"], self._settings.allowed_origins):
            raise forbidden("this origin may not open a socket here")
        if self._node.is_full:
            raise unavailable("this node takes no more connections", _FULL_RETRY_S * 1000)
        token = find_bearer(scope["headers"]) or find_subprotocol_token(scope["subprotocols"])
        if token is None:
            raise ChatError(ErrorCode.UNAUTHENTICATED, "an access token is needed")
        return await self._identity.identify(token, address)


async def _refuse(scope: Any, send: Any, error: ChatError) -> None:
    """Answer the handshake with a plain HTTP error, before any upgrade."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})
        return
    headers = [(b"content-type", b"application/json")]
    if error.body.retry_after_ms is not None:
        headers.append((b"retry-after", str(-(-error.body.retry_after_ms // 1000)).encode()))
    if error.status == STATUS[ErrorCode.UNAUTHENTICATED]:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": error.encode()})
