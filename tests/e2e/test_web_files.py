"""The web client's files: packed for whoever takes that, kept for ever, and the same bytes either way."""

import re

import httpx2
import pytest

from tests.stack import Stack


@pytest.fixture
async def script_url(stack: Stack, http: httpx2.AsyncClient) -> str:
    page = (await http.get(stack.gateway_urls[0])).text
    found = re.search(r'src="(/assets/[^"]+\.js)"', page)
    assert found is not None
    return stack.gateway_urls[0] + found[1]


async def test_an_asset_is_packed_only_for_who_takes_it(http: httpx2.AsyncClient, script_url: str) -> None:
    packed = await http.get(script_url, headers={"Accept-Encoding": "gzip"})
    plain = await http.get(script_url, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    for response in (packed, plain):
        assert "javascript" in response.headers["content-type"]
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["vary"] == "accept-encoding"


async def test_the_page_forbids_inline_code_and_framing(stack: Stack, http: httpx2.AsyncClient) -> None:
    response = await http.get(stack.gateway_urls[0])
    policy = response.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/register", "/join", "/forgotten-password", "/resend-verification", "/verify-email", "/reset-password",
     "/oidc/callback?code=c&state=s", "/settings/devices", "/r/0198"],
)  # fmt: skip
async def test_the_addresses_of_pages_are_the_clients(
    stack: Stack, http: httpx2.AsyncClient, path: str
) -> None:
    page = await http.get(stack.gateway_urls[0])
    response = await http.get(stack.gateway_urls[0] + path)
    assert (response.status_code, response.content) == (200, page.content)
    assert response.headers["cache-control"] == "no-cache"
    # What stands in such an address goes to nobody else.
    assert response.headers["referrer-policy"] == "no-referrer"
