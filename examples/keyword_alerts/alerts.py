"""Finds the words in the feed and has the bot write about them. `__main__` starts it."""

import asyncio
import re

from chatcraft_client import ChatCraftError, Client
from chatcraft_client.consume import Consumer, Place
from chatcraft_client.frames import Event
from examples.keyword_alerts.store import Alert, Store
from shared.contracts.entities import Message
from shared.contracts.events import RoomChanges
from shared.ids import new_id

_RETRY_FOR_S = 60.0


class Alerts:
    """Watches the rooms that the bot is in; its own messages are no news."""

    def __init__(self, word: str, bot: Client, user_id: str, store: Store) -> None:
        self._is_mentioned = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE).search
        self._bot = bot
        self._user_id = user_id
        self._store = store
        self._has_work = asyncio.Event()
        self._has_work.set()

    async def handle(self, event: Event) -> None:
        """Write down what is to be sent, together with the place: exactly once, whatever dies."""
        assert event.room_id is not None
        assert event.epoch is not None
        assert event.rev is not None
        alerts = [self._to_alert(message) for message in _list_messages(event) if self._is_news(message)]
        self._store.record(event.room_id, Place(event.epoch, event.rev), alerts)
        if alerts:
            self._has_work.set()

    async def run(self, feed: Consumer) -> None:
        """Read the feed and send what it brings up, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(feed.run(self.handle))
            group.create_task(self._send_all())

    async def _send_all(self) -> None:
        room = await self._bot.rooms.open_dm(self._user_id)
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while alerts := self._store.list_unsent():
                for alert in alerts:
                    await self._send(room.id, alert)

    async def _send(self, room_id: str, alert: Alert) -> None:
        try:
            await self._bot.send(room_id, alert.text, id=alert.alert_id, retry_for_s=_RETRY_FOR_S)
        except ChatCraftError as exc:
            if not exc.is_retryable:
                raise
            return  # it is still to be sent
        self._store.mark_sent(alert)

    def _is_news(self, message: Message) -> bool:
        is_from_here = message.room_id in self._bot.state.rooms
        is_own = self._bot.me is not None and message.sender_id == self._bot.me.id
        return is_from_here and not is_own and bool(self._is_mentioned(message.text))

    def _to_alert(self, message: Message) -> Alert:
        room = self._bot.state.rooms[message.room_id].room
        where = room.name or "a conversation"
        return Alert(message.id, new_id(), f"<@{message.sender_id}> in {where}:\n> {message.text}")


def _list_messages(event: Event) -> list[Message]:
    match event.data:
        case Message() as message:
            return [message]
        case RoomChanges(messages=messages):
            return messages  # after a gap; the alerts' key drops those that are known
        case _:
            return []
