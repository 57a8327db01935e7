"""Behind a proxy: its word on who asks and whether by TLS counts, and nobody else's does."""

import httpx2
import pytest

from tests.wire import PASSWORD, Person, Socket, new_id, read

CLIENT = "203.0.113.7"
SAID = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}


async def register(http: httpx2.AsyncClient, url: str, **headers: str) -> httpx2.Response:
    body = {"username": f"user-{new_id()[:8]}", "password": PASSWORD}
    sent = SAID | headers | {"X-Chat-Client": "web"}
    return await http.post(f"{url}/api/v1/auth/register", json=body, headers=sent)


async def address_of(http: httpx2.AsyncClient, url: str, registered: httpx2.Response) -> str:
    body = read(registered)
    person = Person(url, body["user"], body["tokens"], http)
    [login] = (await person.rest("GET", "/auth/logins"))["logins"]
    return login["address"]


@pytest.mark.timeout(300)
async def test_a_trusted_proxy_is_believed_and_what_a_client_claims_through_it_is_not(stack_factory):
    env = {"CHATCRAFT_GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1"}
    counts = {"gateway": 1, "messages": 1}
    async with stack_factory(counts=counts, env=env) as stack, httpx2.AsyncClient(timeout=30) as http:
        [url] = stack.gateway_urls
        registered = await register(http, url, **{"X-Forwarded-For": f"198.51.100.1, {CLIENT}, 10.1.2.3"})
        cookie = registered.headers["set-cookie"]
        assert cookie.startswith("__Host-chat_refresh=")
        assert "; secure" in cookie.lower()
        assert await address_of(http, url, registered) == CLIENT

        body = read(registered)
        async with Socket.open(url, body["tokens"]["access_token"], additional_headers=SAID) as socket:
            assert socket.ready


async def test_without_a_trusted_proxy_nobody_is_believed(stack):
    async with httpx2.AsyncClient(timeout=30) as http:
        [url, *_] = stack.gateway_urls
        registered = await register(http, url)
        assert registered.headers["set-cookie"].startswith("chat_refresh=")
        assert "; secure" not in registered.headers["set-cookie"].lower()
        assert await address_of(http, url, registered) == "127.0.0.1"
