"""The tests' own stack: each gateway is reachable by itself, what was killed stays dead until restarted."""

import signal

import httpx2
import pytest

from tests.wire import WAIT_S, eventually


async def is_ready(url: str) -> bool:
    async with httpx2.AsyncClient(timeout=WAIT_S) as client:
        try:
            return (await client.get(f"{url}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False


async def test_a_process_of_a_stack_can_be_killed_and_restarted(stack_factory):
    async with stack_factory() as stack:
        assert len(set(stack.gateway_urls)) == 2
        async with httpx2.AsyncClient(timeout=WAIT_S) as client:
            for url in stack.gateway_urls:
                assert (await client.get(f"{url}/api/v1/auth/jwks")).status_code == 200

        await stack.kill("gateway", 1, signal.SIGKILL)
        assert not await is_ready(stack.health_url("gateway", 1))
        await eventually(lambda: is_ready(stack.health_url("gateway", 0)))
        await stack.restart("gateway", 1)
        await eventually(lambda: is_ready(stack.health_url("gateway", 1)))

        await stack.kill("valkey")
        assert not stack.find("valkey").is_running
        await stack.restart("valkey")
        assert "gateway-1.log" in stack.read_logs()


async def test_a_stack_has_no_process_by_an_unknown_name(stack_factory):
    with pytest.raises(KeyError):
        stack_factory().find("nobody")
