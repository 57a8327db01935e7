"""The Python client by an API token: the bot of the howto, and how it ends."""

import asyncio
import contextlib
import re
import secrets
from pathlib import Path

import pytest

from chatcraft_client import ChatCraftError, Client, Event
from shared.contracts import bots, tokens

HOWTO = Path(__file__).parents[3] / "docs" / "howto" / "write-a-bot.md"


async def make_token(owner: Client) -> tuple[str, tokens.NewToken]:
    """Return a new bot's id and its token."""
    bot = await owner.call(bots.create, bots.CreateBot(f"b-{secrets.token_hex(6)}", "Echo"))
    wish = bots.CreateBotToken(bot.id, "test", ["read", "write"])
    return bot.id, await owner.call(bots.create_token, wish)


async def test_the_bot_of_the_howto_echoes(sign_up, stack, monkeypatch):
    ann = await sign_up()
    bot_id, made = await make_token(ann)
    monkeypatch.setenv("CHATCRAFT_TOKEN", made.token)
    [source] = re.findall(r"```python\n(import asyncio\n.*?)```", HOWTO.read_text(), re.DOTALL)
    source = source.replace("http://localhost:8080", stack.gateway_urls[1])
    names: dict[str, object] = {}
    exec(source.replace("asyncio.run(main())", ""), names)
    running = asyncio.ensure_future(names["main"]())
    try:
        feed = ann.events()
        room = await ann.rooms.open_dm(bot_id)
        # What is written before the bot has synced is history to it, and nobody can see when that is.
        async with asyncio.timeout(30):
            while True:
                await ann.send(room.id, "hello")
                with contextlib.suppress(TimeoutError):
                    await feed.until(lambda event: _is_text(event, "echo: hello"), timeout_s=0.5)
                    break
        await ann.call(bots.revoke_token, bots.RevokeBotToken(bot_id, made.id))
        with pytest.raises(ChatCraftError):
            await asyncio.wait_for(running, 30)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_token_survives_a_cut_and_needs_no_refresh(sign_up, stack):
    ann = await sign_up()
    _, made = await make_token(ann)
    async with Client(stack.gateway_urls) as bot:
        await bot.use_token(made.token)
        await bot.connect()
        bot.cut(stack.gateway_urls[1])
        await bot.connect()
        assert bot.connections_made == 2
        assert bot.tokens is None


async def test_a_token_that_does_not_count_does_not_connect(stack):
    async with Client(stack.gateway_urls[0]) as bot:
        with pytest.raises(ChatCraftError) as caught:
            await bot.use_token("cct_" + "0" * 71)
        assert caught.value.code == "unauthenticated"
        with pytest.raises(ChatCraftError):
            await bot.connect(timeout_s=30)


def _is_text(event: Event, text: str) -> bool:
    return event.name == "message.created" and event.data.text == text
