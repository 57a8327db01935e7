"""The life of a service process: start its parts, answer on the private port, stop in order.

Each service's `app` calls `create_private_app` with a function that builds its parts.
"""

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import prometheus_client
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import ChatError
from shared.settings import ServiceSettings
from shared.telemetry import configure_logging, get_logger

log = get_logger(__name__)

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[], Awaitable[None]]
Checks = dict[str, Check]
"""What readiness asks, by name; a check raises if its part cannot serve."""

Start = Callable[[AsyncExitStack], Awaitable[Checks]]
"""Builds a service's parts, pushes their closing onto the stack, returns what readiness asks."""


class StartupError(Exception):
    """The service cannot start; the message says what to do. Shown without a traceback."""


def create_private_app(service: str, settings: ServiceSettings, start: Start) -> Starlette:
    """Return the ASGI app of the private port, whose lifespan is the life of the service."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        configure_logging(service, settings.log_format, settings.log_level)
        async with AsyncExitStack() as stack:
            try:
                app.state.checks = await start(stack)
            except (StartupError, ChatError, OSError) as exc:
                log.error("cannot_start", reason=str(exc))  # noqa: TRY400 - the reason is the whole story
                raise
            except Exception:
                log.exception("cannot_start")
                raise
            log.info("started")
            yield
            app.state.checks = {"stopping": _refuse}
        log.info("stopped")

    app = Starlette(lifespan=lifespan)
    add_health_routes(app)
    return app


def add_health_routes(app: Starlette) -> None:
    """Add /livez, /readyz and /metrics; readiness asks `app.state.checks`, all at once."""

    async def livez(_request: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def readyz(_request: Request) -> Response:
        checks: Checks = getattr(app.state, "checks", {"starting": _refuse})
        results = await asyncio.gather(*(_ask(check) for check in checks.values()))
        report = "".join(f"{name}: {result or 'ok'}\n" for name, result in zip(checks, results, strict=True))
        return Response(report, 503 if any(results) else 200, media_type="text/plain")

    async def metrics(_request: Request) -> Response:
        return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    for answer in (livez, readyz, metrics):
        app.add_route(f"/{answer.__name__}", answer)


async def _ask(check: Check) -> str | None:
    try:
        await asyncio.wait_for(check(), _CHECK_TIMEOUT_S)
    except Exception as exc:  # noqa: BLE001 - whatever is wrong is the answer
        return str(exc).replace("\n", " ")[:200] or type(exc).__name__
    return None


async def _refuse() -> None:
    raise RuntimeError("not serving")


def serve(app: Starlette, settings: ServiceSettings) -> None:
    """Run the app on the private port until SIGTERM or SIGINT; exits with 1 if it cannot start."""
    server = _Server(private_config(app, settings))
    server.run()
    if not server.started:
        raise SystemExit(1)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        spare_collector()


def spare_collector() -> None:
    """Let the collector look no more at what was loaded; how seldom it looks is said in `services`.

    Call once, when all is loaded.
    """
    gc.collect()
    gc.freeze()


def private_config(app: Starlette, settings: ServiceSettings, **options: Any) -> uvicorn.Config:
    """Return uvicorn's configuration for the private port."""
    logging.getLogger("uvicorn.error").addFilter(_hide_startup_traceback)
    return uvicorn.Config(
        app, host=settings.health_host, port=settings.health_port, loop="uvloop", http="httptools",
        lifespan="on", log_config=None, access_log=False, **options,
    )  # fmt: skip


def _hide_startup_traceback(record: logging.LogRecord) -> bool:
    # The lifespan has already said in one line why it cannot start.
    return not record.getMessage().startswith("Traceback")
