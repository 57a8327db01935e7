"""Fault tests have stacks of their own: what they break, nobody else uses."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest

from deploy.local.data_dir import DataDir
from tests.e2e.conftest import http
from tests.stack import Stack
from tests.tcp_proxy import TcpProxy
from tests.wire import People, Person

__all__ = ["http"]


@pytest.fixture(scope="module")
async def broken(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Stack]:
    """A stack for this module. Each test mends what it broke."""
    name = request.module.__name__.rpartition(".")[2]
    with DataDir.open(tmp_path_factory.mktemp(name) / "data") as data_dir:
        async with Stack(name, data_dir) as running:
            yield running


@pytest.fixture
async def folk(broken: Stack, http: httpx2.AsyncClient) -> People:
    return People(broken.gateway_urls, http)


@pytest.fixture
async def anna(folk: People) -> Person:
    """At home on the first gateway."""
    return await folk.register("anna", node=0)


@pytest.fixture
async def bert(folk: People) -> Person:
    """At home on the second gateway."""
    return await folk.register("bert", node=1)


@pytest.fixture(autouse=True)
async def mended(broken: Stack) -> AsyncIterator[None]:
    """Whatever a failing test left broken is whole again for the next."""
    yield
    for (service, index), child in broken.children.items():
        if not child.is_running:
            await broken.restart(service, index)


@pytest.fixture
async def proxied(broken: Stack) -> AsyncIterator[Callable[[str, int], object]]:
    """`await proxied("gateway", 0)`: restart a process with its NATS behind a proxy, and return the proxy."""
    opened: list[tuple[str, int, TcpProxy, object]] = []

    async def put_between(service: str, index: int) -> TcpProxy:
        child = broken.find(service, index)
        plain = child.program
        url = urlsplit(plain.env["CHATCRAFT_NATS_URL"])
        proxy = await TcpProxy(url.port or 4222).__aenter__()
        netloc = url.netloc.replace(f":{url.port}", f":{proxy.port}")
        env = {**plain.env, "CHATCRAFT_NATS_URL": urlunsplit(url._replace(netloc=netloc))}
        child.program = replace(plain, env=env)
        opened.append((service, index, proxy, plain))
        await broken.restart(service, index)
        return proxy

    yield put_between
    for service, index, proxy, plain in opened:
        broken.find(service, index).program = plain  # type: ignore[assignment]  # as it was
        proxy.flow()
        await proxy.__aexit__()
        await broken.restart(service, index)
