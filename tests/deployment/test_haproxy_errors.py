"""What HAProxy answers by itself, configured as for compose and `make cluster`, with no gateway behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from deploy.cluster.haproxy import Upstream, haproxy_program
from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from deploy.local.servers import start_and_wait
from shared.contracts.errors import RETRYABLE, STATUS, ErrorCode, ErrorReply

STATUSES = [400, 403, 408, 413, 429, 500, 502, 503, 504]
# Statuses that the protocol does not know.
CLOSEST = {408: ErrorCode.TIMEOUT, 502: ErrorCode.UNAVAILABLE}


@pytest.fixture(scope="module")
async def proxy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    with DataDir.open(tmp_path_factory.mktemp("haproxy") / "data") as data_dir:
        host, port = data_dir.host("public"), data_dir.port("public")
        nowhere = Upstream(name="gateway-1", host=host, port=data_dir.port("gateway-1"), health_port=1)
        program = haproxy_program(data_dir, (host, port), [nowhere], data_dir.log_file("haproxy"))
        deny_each(Path(program.argv[-1]))
        child = Child(program)
        try:
            await start_and_wait(child)
            yield f"http://{host}:{port}"
        finally:
            await child.stop()


def deny_each(config: Path) -> None:
    """Add a rule for each status, as an operator's may be: HAProxy's own reasons cannot be had at will."""
    rules = [f"    http-request deny deny_status {each} if {{ path /{each} }}\n" for each in STATUSES]
    public = "frontend public\n"
    config.write_text(config.read_text().replace(public, public + "".join(rules)))


def check(status: int, headers: httpx2.Headers, body: bytes) -> None:
    """Check an answer against the protocol."""
    error = msgspec.json.decode(body, type=ErrorReply).error
    assert set(msgspec.json.decode(body)["error"]) == {"code", "message", "retry_after_ms", "details"}
    assert headers["content-type"] == "application/json"
    assert CLOSEST.get(status, error.code) == error.code
    assert status in CLOSEST or STATUS[error.code] == status
    if error.retry_after_ms is not None:
        assert error.code in RETRYABLE
        assert headers["retry-after"] == str(error.retry_after_ms // 1_000)


@pytest.mark.parametrize("status", STATUSES)
async def test_each_error_has_the_shape_of_the_gateways(proxy: str, status: int) -> None:
    async with httpx2.AsyncClient(timeout=30) as http:
        answer = await http.get(f"{proxy}/{status}")
    assert answer.status_code == status
    check(status, answer.headers, answer.content)
