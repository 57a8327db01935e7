"""The second step through the gateway, as the protocol says it: shapes, statuses, the cookie."""

import time
from collections.abc import AsyncIterator

import httpx2
import pyotp
import pytest

from chatcraft_client import ChatCraftError, Client
from tests.stack import Stack
from tests.wire import PASSWORD, WAIT_S, Json, Person

BROWSER = {"X-Chat-Client": "web"}


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """At the second node: what the first began, it can finish."""
    async with httpx2.AsyncClient(base_url=f"{stack.gateway_urls[1]}/api/v1", timeout=WAIT_S) as made:
        yield made


@pytest.fixture
async def codes(anna: Person) -> list[str]:
    """Anna turns TOTP on; these are her recovery codes."""
    begun = await anna.rest("POST", "/auth/factors/totp")
    assert begun.keys() == {"secret", "otpauth_url", "qr_svg"}
    code = pyotp.TOTP(begun["secret"]).at(time.time())
    confirmed = await anna.rest("POST", "/auth/factors/totp/confirm", {"code": code})
    assert confirmed.keys() == {"recovery_codes"}
    return confirmed["recovery_codes"]


async def give_password(http: httpx2.AsyncClient, anna: Person, **options: Json) -> httpx2.Response:
    return await http.post(
        "/auth/login", json={"login": anna.user["username"], "password": PASSWORD}, **options
    )


async def test_either_shape_is_exact(http: httpx2.AsyncClient, anna: Person, codes: list[str]):
    answer = await give_password(http, anna)
    assert answer.status_code == 200
    assert answer.json().keys() == {"mfa_token", "methods"}
    assert answer.json()["methods"] == ["totp", "recovery_code"]
    token = answer.json()["mfa_token"]
    wrong = await http.post("/auth/login/totp", json={"mfa_token": token, "code": "000000"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "mfa_failed")
    finished = await http.post("/auth/login/totp", json={"mfa_token": token, "code": codes[0]})
    assert (finished.status_code, finished.json().keys()) == (200, {"user", "tokens"})
    assert finished.json()["user"] == anna.user

    await anna.rest("DELETE", "/auth/factors/totp")
    answer = await give_password(http, anna)
    assert (answer.status_code, answer.json().keys()) == (200, {"user", "tokens"})


async def test_the_token_opens_no_door(http: httpx2.AsyncClient, anna: Person, codes: list[str]):
    token = (await give_password(http, anna)).json()["mfa_token"]
    answer = await http.get("/users/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert (await http.post("/auth/refresh", json={"refresh_token": token})).status_code == 401


async def test_a_browser_gets_the_cookie_with_the_second_step(
    http: httpx2.AsyncClient, anna: Person, codes: list[str]
):
    first = await give_password(http, anna, headers=BROWSER)
    assert "set-cookie" not in first.headers
    body = {"mfa_token": first.json()["mfa_token"], "code": codes[0]}
    second = await http.post("/auth/login/totp", json=body, headers=BROWSER)
    assert second.json()["tokens"]["refresh_token"] is None
    assert "httponly" in second.headers["set-cookie"].lower()
    assert (await http.post("/auth/refresh", headers=BROWSER)).status_code == 200


async def test_other_sockets_close_when_factors_change(anna: Person, stack: Stack):
    login = {"login": anna.user["username"], "password": PASSWORD}
    other = await anna.http.post(f"{stack.gateway_urls[1]}/api/v1/auth/login", json=login)
    elsewhere = Person(stack.gateway_urls[1], anna.user, other.json()["tokens"], anna.http)
    async with anna.socket() as own, elsewhere.socket() as ended:
        begun = await anna.rest("POST", "/auth/factors/totp")
        code = pyotp.TOTP(begun["secret"]).at(time.time())
        await anna.rest("POST", "/auth/factors/totp/confirm", {"code": code})
        assert await ended.wait_closed() == 4500
        listed = await own.call("factors.list")
        assert listed.keys() == {"has_password", "totp_since_at", "recovery_codes_left", "passkeys"}
        assert listed["recovery_codes_left"] == 10


async def test_the_python_client_signs_in_with_a_code(stack: Stack, anna: Person, codes: list[str]):
    async with Client(stack.gateway_urls) as client:
        with pytest.raises(ChatCraftError, match="mfa_failed"):
            await client.login(anna.user["username"], PASSWORD)
        assert (await client.login(anna.user["username"], PASSWORD, codes[1])).id == anna.id
