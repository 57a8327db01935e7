"""Django Channels as its tutorial writes a chat: one group, a consumer per socket, a layer in Redis.

`python channels_server.py PORT`, in an environment of its own; imports nothing of ChatCraft.
"""

import sys
from typing import Any

import django
import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

GROUP = "room"


class Chat(AsyncWebsocketConsumer):
    """Somebody in the room."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, _code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def chat_event(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


class Speaker(AsyncWebsocketConsumer):
    """Who speaks to the room without being in it."""

    async def receive(self, text_data: str = "", **_: bytes | None) -> None:
        await self.channel_layer.group_send(GROUP, {"type": "chat.event", "text": text_data})


def main() -> None:
    """Serve without pings and compression: what can be spared it is spared."""
    django.setup()
    routes = URLRouter([path("chat", Chat.as_asgi()), path("speak", Speaker.as_asgi())])
    uvicorn.run(
        ProtocolTypeRouter({"websocket": routes}),
        host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="websockets-sansio",
        ws_per_message_deflate=False, ws_ping_interval=None, backlog=4096, log_level="warning",
        access_log=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
