"""The doors of a node that traces: which commands are sampled is drawn here, and their root spans begin.

In the place of the plain router and REST door where there is a tracer. Knows no command's content.
"""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.connection import Connection
from services.gateway.doors import find_header
from services.gateway.proxies import PEER
from services.gateway.rest import RestDoor
from services.gateway.router import Job, Router
from shared.contracts.registry import Command
from shared.tracing import Attributes, Kind, Tracer, is_sampled

_SERVER_ERROR = 500


class TracedRouter(Router):
    """Samples what comes over sockets."""

    def __init__(self, tracer: Tracer, ratio: float, *parts: Any) -> None:
        super().__init__(*parts)
        self._tracer = tracer
        self._ratio = ratio

    async def _answer(self, connection: Connection, jobs: list[Job]) -> list[bytes]:
        if not self._tracer.is_due(self._ratio):
            return await super()._answer(connection, jobs)
        name = jobs[0].command.name
        told: Attributes = {
            "chatcraft.command": name,
            "chatcraft.door": "socket",
            "chatcraft.commands": len(jobs),
        }
        with self._tracer.span(name, Kind.SERVER, None, told) as span:
            outcomes = await super()._answer(connection, jobs)
            if not all(outcome.startswith(b'{"ok"') for outcome in outcomes):
                span.fail("refused")
            return outcomes


class TracedRestDoor(RestDoor):
    """Samples what comes over REST, or goes on with the trace of a proxy that is trusted for it."""

    def __init__(
        self, tracer: Tracer, ratio: float, proxies: list[IPv4Network | IPv6Network], *parts: Any
    ) -> None:
        super().__init__(*parts)
        self._tracer = tracer
        self._ratio = ratio
        self._proxies = proxies

    def _endpoint(self, command: Command[Struct, Struct]) -> Callable[[Request], Any]:
        answer = super()._endpoint(command)

        async def endpoint(request: Request) -> Response:
            parent, is_due = self._decide(request)
            if not is_due:
                response: Response = await answer(request)
                return response
            told = {"chatcraft.command": command.name, "chatcraft.door": "rest"}
            with self._tracer.span(command.name, Kind.SERVER, parent, told) as span:
                response = await answer(request)
                span.note("http.response.status_code", response.status_code)
                if response.status_code >= _SERVER_ERROR:
                    span.fail(str(response.status_code))
                return response

        return endpoint

    def _decide(self, request: Request) -> tuple[str | None, bool]:
        """Return the trace to go on with, if there is one, and whether this request is sampled.

        From strangers `traceparent` counts for nothing: each could have all that it does recorded.
        """
        given = find_header(request.scope["headers"], b"traceparent")
        if given is not None and self._is_trusted(request) and (sampled := is_sampled(given)) is not None:
            return given, sampled
        return None, self._tracer.is_due(self._ratio)

    def _is_trusted(self, request: Request) -> bool:
        # Not whom it speaks for, as another setting may let it.
        peer = request.scope.get(PEER) or request.scope.get("client")
        if not self._proxies or peer is None:
            return False
        address = ip_address(peer[0])
        return any(address in network for network in self._proxies)
