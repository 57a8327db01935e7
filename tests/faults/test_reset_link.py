"""Fault 31: one reset link used by 50 requests at once, through two gateways and two auth services."""

import asyncio
import email
import email.policy
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from deploy.local.data_dir import DataDir
from tests.stack import Stack
from tests.wire import eventually, new_id, read

ADDRESS = "rushed@mail.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mails are written."""
    return tmp_path_factory.mktemp("reset") / "mails"


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> AsyncIterator[Stack]:
    """As in conftest, with two auth services that write mails to a folder."""
    env = {
        "CHATCRAFT_AUTH_MAIL_DIR": str(folder),
        "CHATCRAFT_AUTH_PUBLIC_URL": "https://chat.example.org",
    }
    with DataDir.open(tmp_path_factory.mktemp("reset_stack") / "data") as data_dir:
        counts = {"auth": 2, "messages": 1}
        async with Stack("test_reset_link", data_dir, counts=counts, env=env) as running:
            yield running


async def wait_token(folder: Path, page: str) -> str:
    """Return the token of the one mail with a link to a page."""
    found: list[str] = []

    def is_there() -> bool:
        for file in folder.glob("*.eml"):
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            part = mail.get_body(("plain",))
            assert part is not None
            found.extend(re.findall(rf"/{page}#(\S+)", part.get_content()))
        return bool(found)

    await eventually(is_there)
    return found[0]


async def test_one_reset_link_used_by_50_requests_at_once_sets_one_password(
    broken: Stack, http: httpx2.AsyncClient, folder: Path
):
    urls = broken.gateway_urls
    name = f"rushed-{new_id()[:8]}"

    async def post(number: int, path: str, body: dict[str, str]) -> int:
        status = 503
        while status == 503:  # too many at once for a busy machine: to be tried again
            status = (await http.post(f"{urls[number % 2]}/api/v1/auth/{path}", json=body)).status_code
        return status

    account = {"username": name, "password": "the first pass phrase", "email": ADDRESS}
    signed_in = read(await http.post(f"{urls[0]}/api/v1/auth/register", json=account))
    assert await post(0, "verify-email", {"token": await wait_token(folder, "verify-email")}) == 200
    assert await post(1, "request-reset", {"email": ADDRESS}) == 200
    token = await wait_token(folder, "reset-password")

    tries = [{"token": token, "password": f"pass phrase number {number}"} for number in range(50)]
    statuses = await asyncio.gather(
        *(post(number, "reset-password", each) for number, each in enumerate(tries))
    )
    assert Counter(statuses) == {200: 1, 403: 49}
    logins = [{"login": name, "password": each["password"]} for each in tries]
    codes = [await post(number, "login", each) for number, each in enumerate(logins)]
    assert [code == 200 for code in codes] == [status == 200 for status in statuses]
    # Whoever was signed in with the forgotten one is not any more.
    headers = {"Authorization": f"Bearer {signed_in['tokens']['access_token']}"}
    for url in urls:

        async def is_out(url: str = url) -> bool:
            return (await http.get(f"{url}/api/v1/users/me", headers=headers)).status_code == 401

        await eventually(is_out)
