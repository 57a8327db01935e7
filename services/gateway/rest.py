"""The REST door: one route for each command that has one, made from the registry.

Builds the same payload as the socket carries, forwards it, and sends the service's bytes back.
"""

import asyncio
from collections.abc import Callable
from typing import Any, get_origin

import msgspec
from fastapi import FastAPI
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.cookies import RefreshCookie
from services.gateway.doors import find_bearer
from services.gateway.identity import Identity
from services.gateway.limits import Rates
from shared.addresses import group_address
from shared.bus import Bus, Caller
from shared.calls import OK
from shared.contracts.errors import ErrorCode
from shared.contracts.limits import Limits
from shared.contracts.registry import Access, Command, Door, iter_commands
from shared.contracts.validation import convert_request, decode_request
from shared.errors import ChatError, invalid, not_found
from shared.ids import new_id
from shared.telemetry import get_logger
from shared.tokens import Claims
from shared.tracing import find_trace_id

log = get_logger(__name__)

PREFIX = "/api/v1"
_AGENT_SHOWN_MAX = 300
# As long as for the head of a request.
_BODY_S = 10.0


class RestDoor:
    """Answers `/api/v1/…` for forwarded commands."""

    def __init__(
        self, bus: Bus, identity: Identity, rates: Rates, limits: Limits, now_s: Callable[[], float]
    ) -> None:
        self._bus = bus
        self._identity = identity
        self._rates = rates
        self._limits = limits
        self._now_s = now_s
        self._cookie = RefreshCookie()

    def add_routes(self, app: FastAPI) -> None:
        """Add a route for every command of the registry that has the REST door."""
        commands = [command for command in iter_commands() if Door.REST in command.doors and command.http]
        # Literal paths first: `/users/search` before `/users/{id}`.
        commands.sort(key=lambda command: command.http.path.count("{") if command.http else 0)
        for command in commands:
            assert command.http is not None, "has the REST door"
            app.router.routes.append(
                Route(PREFIX + command.http.path, self._endpoint(command), methods=[command.http.method])
            )

    def _endpoint(self, command: Command[Struct, Struct]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                return await self._answer(command, request)
            except ChatError as exc:
                return error_response(exc)
            except Exception:
                trace_id = find_trace_id() or new_id()
                log.exception("request_crashed", command=command.name, trace_id=trace_id)
                details = {"trace_id": trace_id}
                return error_response(
                    ChatError(ErrorCode.INTERNAL, "something went wrong here", details=details)
                )

        return endpoint

    async def _answer(self, command: Command[Struct, Struct], request: Request) -> Response:
        address = request.client.host if request.client else ""
        claims = await self._identify(command, request, address)
        caller = Caller(claims.user_id, claims.login_id, claims.role, address) if claims else _nobody(address)
        wait_ms = self._rates.of(claims).take_for(caller.user_id or group_address(address), self._now_s())
        if wait_ms:
            raise ChatError(ErrorCode.RATE_LIMITED, "too many commands", retry_after_ms=wait_ms)
        asked, payload = await self._read_payload(command, request)
        if claims is not None and claims.grant is not None:
            claims.grant.check(command, asked)
        payload = self._cookie.fill(command, request, payload)
        reply = await self._bus.request(
            command.subject,
            payload,
            caller=caller,
            agent=request.headers.get("user-agent", "")[:_AGENT_SHOWN_MAX]
            if command.service == "auth"
            else "",
            timeout_s=self._limits.command_timeout_s,
        )
        if not reply.startswith(OK):
            raise ChatError.decode(reply)
        response = Response(reply[len(OK) : -1], command.status, media_type="application/json")
        return self._cookie.take(command, request, response)

    async def _identify(
        self, command: Command[Struct, Struct], request: Request, address: str
    ) -> Claims | None:
        if command.access is Access.PUBLIC:
            return None
        token = find_bearer(request.scope["headers"])
        if token is None:
            raise ChatError(ErrorCode.UNAUTHENTICATED, "an access token is needed")
        return await self._identity.identify(token, address)

    async def _read_payload(self, command: Command[Struct, Struct], request: Request) -> tuple[Struct, bytes]:
        """Return the request as the socket would carry it, validated."""
        assert command.http is not None, "has the REST door"
        if command.http.method in {"GET", "DELETE"}:
            fields = _read_query(command, request)
            asked = convert_request(command, fields | request.path_params)
            return asked, msgspec.json.encode(asked)
        body = await read_body(request, self._limits.frame_bytes)
        if command.http.path_fields:
            body = _merge_path(command, body, request.path_params)
        return decode_request(command, body), body


def _nobody(address: str) -> Caller:
    return Caller("", "", "", address)


def _read_query(command: Command[Struct, Struct], request: Request) -> dict[str, Any]:
    lists = {field.name for field in msgspec.structs.fields(command.request) if _is_list(field.type)}
    fields: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in request.path_params or name in fields:
            raise invalid(name[:64], "is given twice")
        fields[name] = value.split(",") if name in lists else value
    return fields


def _is_list(annotation: Any) -> bool:
    return get_origin(getattr(annotation, "__origin__", annotation)) is list


def _merge_path(command: Command[Struct, Struct], body: bytes, path: dict[str, str]) -> bytes:
    """Add the ids of the path to the body's object; the body may not repeat them."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decode_request(command, body)  # says what is wrong with it
        raise ChatError(ErrorCode.BAD_FRAME, "the body must be a JSON object") from None
    for name in path:
        if name in fields:
            raise invalid(name, "stands in the path and may not be repeated in the body")
    return msgspec.json.encode({**fields, **path})


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body, `{}` if there is none.

    Raises ChatError `too_large` as soon as that is known, `timeout` if it dribbles.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise ChatError(ErrorCode.TOO_LARGE, f"the body may have at most {max_bytes} bytes")
                parts.append(part)
    except TimeoutError as exc:
        raise ChatError(ErrorCode.TIMEOUT, f"the body took more than {_BODY_S:g} s") from exc
    return b"".join(parts) or b"{}"


async def refuse_method(_request: Request, _exc: Exception) -> Response:
    """Answer a method that a path does not have, in the one shape of errors."""
    return error_response(not_found("path with this method"))


def error_response(error: ChatError) -> Response:
    """Return the one shape of errors with the status of its code."""
    headers = {"cache-control": "no-store"}
    if error.body.retry_after_ms is not None:
        headers["retry-after"] = str(-(-error.body.retry_after_ms // 1000))
    if error.status == 401:  # noqa: PLR2004 - the HTTP status itself
        headers["www-authenticate"] = "Bearer"
    return Response(error.encode(), error.status, headers, "application/json")
