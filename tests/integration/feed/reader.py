"""A consumer as a process of its own, for tests to kill: prints the room and text of each message."""

import asyncio
import sys

from chatcraft_client.consume import consume
from chatcraft_client.frames import Event


async def show(event: Event) -> None:
    sys.stdout.write(f"{event.room_id} {event.data.text}\n")
    sys.stdout.flush()


async def main(url: str, durable: str) -> None:
    async with consume(url, durable, ["chat.room.*.message.created"]) as events:
        sys.stdout.write("attached\n")
        sys.stdout.flush()
        await events.run(show)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
