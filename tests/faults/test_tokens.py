"""API tokens under strain: many of them, invented ones, auth away, the owner gone.

Its stack has the true limits, and few commands for tokens, so that they are soon reached.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from deploy.local.data_dir import DataDir
from services.auth.store import endings
from shared.api_tokens import create_token
from tests.bots import as_script, make_bot, with_token
from tests.faults.test_limits import end
from tests.stack import Stack
from tests.wire import AT_ONCE_S, Person, Refused, eventually, new_id

BURST = 12
ENV = {
    "CHATCRAFT_GATEWAY_RATE_FACTOR": "1",
    "CHATCRAFT_GATEWAY_TOKEN_COMMANDS_PER_S": "1",
    "CHATCRAFT_GATEWAY_TOKEN_COMMANDS_BURST": str(BURST),
}


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """As in conftest, with limits."""
    with DataDir.open(tmp_path_factory.mktemp("tokens") / "data") as data_dir:
        async with Stack("test_tokens", data_dir, counts={"messages": 1}, env=ENV) as running:
            yield running


async def code_of(person: Person, path: str = "/users/me") -> str | None:
    try:
        await person.rest("GET", path)
    except Refused as refused:
        return refused.code
    return None


async def test_many_tokens_are_not_more_commands_on_whatever_door(broken: Stack, anna: Person) -> None:
    bot = await make_bot(anna)
    tokens = [bot] + [await with_token(anna, bot) for _ in range(4)]
    began_s = time.monotonic()
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(each.socket(sync=False)) for each in tokens]
        assert sockets[0].ready["d"]["limits"]["commands_burst"] == BURST
        calls = [socket.start("users.me") for socket in sockets for _ in range(BURST // 2)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refused = [each for each in answers if isinstance(each, Refused)]
        assert {each.code for each in refused} == {"rate_limited"}
        assert all(each.error["retry_after_ms"] > 0 for each in refused)
        codes = await asyncio.gather(*(code_of(each) for each in tokens))
    done = len(answers) - len(refused) + codes.count(None)
    assert BURST <= done <= BURST + time.monotonic() - began_s  # one a second comes back meanwhile
    assert await code_of(anna) is None
    assert await code_of(await make_bot(anna)) is None


async def test_who_invents_tokens_is_slowed_and_known_ones_go_on(broken: Stack, anna: Person) -> None:
    script = await as_script(anna)
    assert await code_of(script) is None
    invented = [replace(anna, tokens={"access_token": create_token(new_id())}) for _ in range(150)]
    codes: list[str | None] = []
    for start in range(0, len(invented), 10):  # several at once: one a second is looked at in any case
        codes += await asyncio.gather(*map(code_of, invented[start : start + 10]))
    assert codes[0] == "unauthenticated"
    assert set(codes) == {"unauthenticated", "rate_limited"}
    assert await code_of(script) is None
    assert await code_of(anna) is None


async def test_what_is_known_works_while_auth_is_away(broken: Stack, anna: Person) -> None:
    node = replace(anna, url=broken.gateway_urls[1])  # where nobody has used up the tries of this address
    bot, other = await make_bot(node), await make_bot(node)
    assert await code_of(bot, "/rooms") is None
    await broken.kill("auth")
    try:
        assert await code_of(bot, "/rooms") is None
        async with bot.socket() as socket:
            assert socket.ready["d"]["user"]["id"] == bot.id
        assert await code_of(other, "/rooms") == "unavailable"
    finally:
        await broken.restart("auth")
    assert await code_of(other, "/rooms") is None


async def test_with_their_owner_bots_and_scripts_are_gone_at_once(broken: Stack, bert: Person) -> None:
    bot, script = await make_bot(bert), await as_script(bert)
    async with AsyncExitStack() as opened:
        sockets = [
            await opened.enter_async_context(each.socket(url, sync=False))
            for each in (bot, script)
            for url in broken.gateway_urls
        ]
        await end(broken, bert.id, endings.deactivate)
        async with asyncio.timeout(AT_ONCE_S):
            codes = [await socket.wait_closed() for socket in sockets]
    assert codes[:2] == [4500, 4500]
    assert set(codes[2:]) <= {4500, 4503}
    for each in (bot, script):
        for url in broken.gateway_urls:
            await eventually(lambda each=each, url=url: is_unknown(replace(each, url=url)))


async def is_unknown(person: Person) -> bool:
    """Whether the token is refused as none; the other tests' invented ones may have to be slept off first."""
    code = await code_of(person)
    assert code in {"unauthenticated", "rate_limited"}
    return code == "unauthenticated"


async def test_a_token_that_was_revoked_while_the_node_was_deaf_is_refused_when_it_hears_again(
    broken: Stack, bert: Person
) -> None:
    script = await as_script(bert)
    async with script.socket(sync=False) as socket:
        await broken.kill("gateway", 1, signal.SIGSTOP)
        other = replace(bert, url=broken.gateway_urls[0])
        await other.rest("DELETE", f"/tokens/{script.tokens['token_id']}")
        await broken.kill("gateway", 1, signal.SIGCONT)
        async with asyncio.timeout(AT_ONCE_S):
            assert await socket.wait_closed() == 4500
    assert await code_of(script) == "unauthenticated"
