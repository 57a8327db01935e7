"""OpenID Connect providers as processes of their own, and the browser that people sign in there with."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from deploy.local import ports
from shared.contracts.identities import FinishOidc, OidcBegun

START_S = 60.0
CLIENT_ID = "chatcraft"
CLIENT_SECRET = "a secret of the client"
PUBLIC_URL = "https://chat.example.org"
CALLBACK = f"{PUBLIC_URL}/oidc/callback"


class RunningProvider:
    """One process that listens on loopback."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        # No link is kept: providers let idle ones go after 5 s, and at that very moment a request is lost.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self.http = httpx2.AsyncClient(base_url=self.url, timeout=30, limits=limits)

    async def put_user(self, subject: str, **claims: Any) -> None:
        """Give somebody their claims at the mock."""
        (await self.http.put(f"/users/{subject}", json=claims)).raise_for_status()

    async def sign_in(self, begun: OidcBegun, subject: str) -> FinishOidc:
        """Go where the browser is sent, say who one is, and return what comes back in the address."""
        answer = await self.http.post(begun.authorization_url, data={"sub": subject})
        return read_return(begun, answer)

    async def consent(self, begun: OidcBegun) -> FinishOidc:
        """The same at the lying provider, which knows who one is."""
        return read_return(begun, await self.http.get(begun.authorization_url))

    async def behave(self, tenant: str = "one", **how: Any) -> None:
        """Tell a tenant of the lying provider how to behave from now on; nothing: well."""
        (await self.http.put(f"/{tenant}/behaviour", content=json.dumps(how))).raise_for_status()

    async def count(self, what: str, tenant: str = "one") -> int:
        """How often the lying provider was asked for this."""
        counts: dict[str, int] = (await self.http.get(f"/{tenant}/counts")).json()
        return counts.get(what, 0)


def read_return(begun: OidcBegun, answer: httpx2.Response) -> FinishOidc:
    """Return what the callback page would send."""
    assert answer.status_code == 302, answer.text
    location = answer.headers["location"]
    assert location.startswith(f"{CALLBACK}?")
    given = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert given["state"] == begun.state
    return FinishOidc(begun.state, begun.binding, given["code"], given.get("iss"))


def describe(*providers: dict[str, Any], public_url: str = PUBLIC_URL) -> dict[str, Any]:
    """Return the settings of an auth service for these providers; what they leave out is usual."""
    usual = {"name": "Corp", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    listed = [usual | provider for provider in providers]
    return {"auth_oidc_providers": json.dumps(listed), "auth_public_url": public_url}


@asynccontextmanager
async def run_mock(*options: str) -> AsyncIterator[RunningProvider]:
    """Run `oidc-provider-mock` until the block is left."""
    port = ports.pick_free()
    command = ("-m", "oidc_provider_mock", "--port", str(port), *options)
    async with _run(port, "/.well-known/openid-configuration", *command) as running:
        yield running


@asynccontextmanager
async def run_liar() -> AsyncIterator[RunningProvider]:
    """Run the provider that lies on demand."""
    port = ports.pick_free()
    async with _run(port, "/one/counts", "-m", "tests.lying_provider", str(port)) as running:
        yield running


@asynccontextmanager
async def _run(port: int, path: str, *arguments: str) -> AsyncIterator[RunningProvider]:
    # Its own warnings are nothing that we could mend.
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=env, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    running = RunningProvider(port)
    try:
        await _wait_ready(process, running, path)
        yield running
    finally:
        await running.http.aclose()
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _wait_ready(process: asyncio.subprocess.Process, running: RunningProvider, path: str) -> None:
    async with asyncio.timeout(START_S):
        while True:
            assert process.returncode is None, "the provider did not start"
            try:
                if (await running.http.get(path)).status_code == 200:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.05)  # between two looks at the condition
