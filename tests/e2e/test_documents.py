"""The documents as the running gateway serves them."""

import httpx2
import pytest
from openapi_spec_validator import validate

from shared.documents import build_asyncapi, build_page
from tests.stack import Stack


@pytest.fixture
def gateway(stack: Stack) -> str:
    return stack.gateway_urls[0]


async def test_openapi_is_served_and_valid(gateway: str, http: httpx2.AsyncClient) -> None:
    document = (await http.get(f"{gateway}/api/v1/openapi.json")).json()
    validate(document)
    assert document["servers"] == [{"url": "/api/v1"}]


async def test_asyncapi_is_served(gateway: str, http: httpx2.AsyncClient) -> None:
    assert (await http.get(f"{gateway}/asyncapi.json")).json() == build_asyncapi()


async def test_the_page_for_people_is_served_with_its_style(gateway: str, http: httpx2.AsyncClient) -> None:
    page = await http.get(f"{gateway}/docs")
    assert page.text == build_page()
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    style = await http.get(f"{gateway}/docs.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_what_is_no_door_is_not_found_in_the_one_shape(gateway: str, http: httpx2.AsyncClient) -> None:
    for path in ("/api/v1/nothing", "/api/v2/rooms", "/files/x"):
        response = await http.get(gateway + path)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
