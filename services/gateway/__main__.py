"""Runs a gateway: the public port and the private one in one process, with a drain between."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn
import uvloop
from starlette.applications import Starlette

from services.gateway.app import Gateway, create_app
from services.gateway.detach import UNSENT_MAX_BYTES, DetachableProtocol
from services.gateway.proxies import BehindProxies
from services.gateway.request_head import BoundedHeadProtocol
from services.gateway.settings import GatewaySettings
from shared.contracts.limits import Limits
from shared.lifecycle import add_health_routes, private_config, spare_collector
from shared.listening import bind_all
from shared.settings import load_settings
from shared.telemetry import get_logger

log = get_logger(__name__)

_BACKLOG = 4_096


class _Server(uvicorn.Server):
    """A server whose signals are handled here, for both ports at once."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(settings: GatewaySettings) -> list[socket.socket]:
    """Return the listening sockets; several gateways may share a port. Raises OSError if it is taken."""
    listeners = bind_all(settings.gateway_host, settings.gateway_port, is_shared=True)
    for each in listeners:
        # Inherited by what is accepted: the kernel would hide megabytes of a reader that never reads.
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_MAX_BYTES)
        each.listen(_BACKLOG)
        each.setblocking(False)
    return listeners


def public_config(app: Starlette, settings: GatewaySettings) -> uvicorn.Config:
    """Return uvicorn's configuration for the public port."""
    trusted = settings.gateway_trusted_proxies
    return uvicorn.Config(
        BehindProxies(app, trusted) if trusted else app,
        loop="uvloop", http=BoundedHeadProtocol, ws=DetachableProtocol, ws_max_size=Limits().frame_bytes,
        ws_ping_interval=None, ws_per_message_deflate=settings.gateway_compression == "on",
        lifespan="on", log_config=None, access_log=False, backlog=_BACKLOG,
        server_header=False, timeout_graceful_shutdown=10, proxy_headers=False,
    )  # fmt: skip


async def run(settings: GatewaySettings) -> int:
    """Serve until SIGTERM or SIGINT, then drain; a second signal stops at once. Returns the exit code."""
    app = create_app(settings)
    private_app = Starlette()
    add_health_routes(private_app)
    listeners = listen(settings)
    public, private = _Server(public_config(app, settings)), _Server(private_config(private_app, settings))
    stopping, hurrying = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        if stopping.is_set():
            public.force_exit = private.force_exit = True
            hurrying.set()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    serving = asyncio.create_task(public.serve(sockets=listeners))
    serving_private = asyncio.create_task(private.serve())
    stop = asyncio.create_task(stopping.wait())
    await _wait_started(public, serving, stopping)
    if public.started:
        gateway: Gateway = app.state.gateway
        private_app.state.checks = gateway.checks
        spare_collector()
        await asyncio.wait({stop, serving}, return_when=asyncio.FIRST_COMPLETED)
        private_app.state.checks = {"draining": _refuse}
        await _leave(gateway, settings.gateway_pre_stop_s, hurrying)
    public.should_exit = private.should_exit = True
    await asyncio.gather(serving, serving_private, return_exceptions=True)
    stop.cancel()
    return 0 if public.started else 1


async def _leave(gateway: Gateway, pre_stop_s: float, hurrying: asyncio.Event) -> None:
    """Drain, unless told a second time to stop."""

    async def drain() -> None:
        await asyncio.sleep(pre_stop_s)
        await gateway.drain()

    tasks = {asyncio.create_task(drain()), asyncio.create_task(hurrying.wait())}
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


async def _wait_started(
    server: uvicorn.Server, serving: "asyncio.Task[None]", stopping: asyncio.Event
) -> None:
    # uvicorn has a flag for it and nothing to wait on.
    while not server.started and not serving.done():
        if stopping.is_set():
            serving.cancel()
        await asyncio.sleep(0.01)


async def _refuse() -> None:
    raise RuntimeError("draining")


def raise_file_limit() -> None:
    """Every connection is a descriptor: allow as many as this process may have.

    Container engines give 1,024, so that old programs' select() works, and let the process ask for more.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Entry point: `python -m services.gateway`."""
    raise_file_limit()
    logging.captureWarnings(capture=True)
    settings = load_settings(GatewaySettings)
    try:
        sys.exit(uvloop.run(run(settings)))
    except OSError as exc:
        sys.exit(f"cannot listen on {settings.gateway_host}:{settings.gateway_port}: {exc.strerror}")


if __name__ == "__main__":
    main()
