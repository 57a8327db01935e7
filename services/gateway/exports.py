"""The door of `/files/exports/{export_id}`: a file that the auth service has in parts, passed on one by one.

The next part is asked for when the client has taken the one before: a slow reader costs one part of memory.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway.doors import find_bearer
from services.gateway.identity import Identity
from services.gateway.limits import Rates
from services.gateway.rest import error_response
from shared import calls
from shared.bus import Bus
from shared.contracts import internal
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError, not_found
from shared.grants import out_of_scope
from shared.ids import is_id
from shared.telemetry import get_logger

log = get_logger(__name__)

EXPORT_PATH = "/files/exports/{export_id}"
# The auth service may be restarting: a download goes on through that.
_TRIES = 10
_RETRY_S = 1.0
# A reader that takes nothing for so long is gone, or wants to cost memory.
_STALLED_S = 60.0
_AT_ONCE = 3


class ExportDoor:
    """The ASGI application behind the path."""

    def __init__(self, bus: Bus, identity: Identity, rates: Rates, now_s: Callable[[], float]) -> None:
        self._bus = bus
        self._identity = identity
        self._rates = rates
        self._now_s = now_s
        self._downloads: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            user_id = await self._identify(request)
            with self._under_way(user_id):
                response = await self._answer(request, user_id)
                await self._pass_on(response, scope, receive, send)
        except ChatError as exc:
            await error_response(exc)(scope, receive, send)

    async def _pass_on(self, response: Response, scope: Any, receive: Any, send: Any) -> None:
        async def send_soon(message: Any) -> None:
            async with asyncio.timeout(_STALLED_S):
                await send(message)

        try:
            await response(scope, receive, send_soon)
        except (ChatError, TimeoutError) as exc:
            # The answer has begun: that it ends too early tells the client. Its owner may be locked out.
            log.warning("download_cut_off", reason=str(exc) or type(exc).__name__)

    @contextmanager
    def _under_way(self, user_id: str) -> Iterator[None]:
        """Count the downloads of a user on this node. Raises `rate_limited` for one too many."""
        if self._downloads[user_id] >= _AT_ONCE:
            raise ChatError(ErrorCode.RATE_LIMITED, "too many downloads at once", retry_after_ms=5_000)
        self._downloads[user_id] += 1
        try:
            yield
        finally:
            self._downloads[user_id] -= 1
            if not self._downloads[user_id]:
                del self._downloads[user_id]

    async def _answer(self, request: Request, user_id: str) -> Response:
        export_id = request.path_params["export_id"]
        if not is_id(export_id):
            raise not_found("export")
        asked = internal.GetExport(user_id, export_id, _address_of(request))
        head = await calls.call(self._bus, internal.EXPORT_HEAD, asked, internal.ExportHead)
        name = f"chatcraft-{head.requested_at[:10]}.zip"
        headers = {
            "content-length": str(head.size_bytes),
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        }
        if request.method == "HEAD":
            return Response(headers=headers, media_type="application/zip")
        parts = self._iter_parts(user_id, export_id, head.parts)
        return StreamingResponse(parts, headers=headers, media_type="application/zip")

    async def _identify(self, request: Request) -> str:
        token = find_bearer(request.scope["headers"])
        if token is None:
            raise ChatError(ErrorCode.UNAUTHENTICATED, "an access token is needed")
        claims = await self._identity.identify(token, _address_of(request))
        if claims.grant is not None:
            raise out_of_scope("no API token may do this: sign in")
        wait_ms = self._rates.of(claims).take_for(claims.user_id, self._now_s())
        if wait_ms:
            raise ChatError(ErrorCode.RATE_LIMITED, "too many commands", retry_after_ms=wait_ms)
        return claims.user_id

    async def _iter_parts(self, user_id: str, export_id: str, count: int) -> AsyncIterator[bytes]:
        for number in range(1, count + 1):
            yield await self._get_part(internal.GetExportPart(user_id, export_id, number))

    async def _get_part(self, asked: internal.GetExportPart) -> bytes:
        """Return a part, also if the auth service has to be waited for. Raises ChatError."""
        for _ in range(_TRIES):
            try:
                return (await calls.call(self._bus, internal.EXPORT_PART, asked, internal.ExportPart)).data
            except ChatError as exc:
                if not exc.is_retryable:
                    raise
            await asyncio.sleep(_RETRY_S)
        raise ChatError(ErrorCode.UNAVAILABLE, "the auth service does not answer")


def _address_of(request: Request) -> str:
    return request.client.host if request.client else ""
