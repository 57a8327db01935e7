"""`python -m examples.keyword_alerts WORD USERNAME`: signs the bot in and runs it beside `chatcraft up`."""

import asyncio
import logging
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from chatcraft_client import ChatCraftError, Client
from chatcraft_client.consume import consume
from examples.keyword_alerts.alerts import Alerts
from examples.keyword_alerts.store import Store
from shared.ids import new_id

_BOT = "keyword-alerts"


def main(
    word: str,
    username: str,
    url: str = "http://localhost:8080",
    data_dir: Annotated[Path, typer.Option(envvar="CHATCRAFT_DATA_DIR")] = Path(".chatcraft"),
) -> None:
    """Tell USERNAME whenever somebody says WORD in a room that the bot is in."""
    logging.basicConfig(level=logging.WARNING)
    try:
        asyncio.run(_watch(word, username, url, data_dir))
    except* (ChatCraftError, OSError) as group:
        sys.exit(f"{_BOT}: {group.exceptions[0]}")
    except* KeyboardInterrupt:
        sys.exit(130)


async def _watch(word: str, username: str, url: str, data_dir: Path) -> None:
    own = data_dir / "keyword_alerts"
    store = Store(own / "alerts.sqlite")
    nats_url = (data_dir / "feed-url").read_text(encoding="utf-8").strip()
    async with Client(url, token_file=own / "login.json", kept_messages=1) as bot:
        await _sign_in(bot)
        await bot.connect()
        found = [user for user in await bot.users.search(username) if user.username == username]
        if not found:
            raise ChatCraftError("not_found", f"nobody is called {username}")
        alerts = Alerts(word, bot, found[0].id, store)
        subjects = ["chat.room.*.message.created", "chat.room.*.message.updated"]
        async with consume(nats_url, _BOT, subjects, client=bot, positions=store) as feed:
            sys.stdout.write(f"{bot.me.username if bot.me else _BOT} watches for {word!r}\n")
            sys.stdout.flush()
            await alerts.run(feed)


async def _sign_in(bot: Client) -> None:
    with suppress(ChatCraftError):
        await bot.resume()
        return
    await bot.register(f"{_BOT}-{new_id()[-6:]}", secrets.token_urlsafe(24), "Keyword alerts")


if __name__ == "__main__":
    typer.run(main)
