"""Typing: who is told that somebody types, and that they stopped."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.gateway.typing_signals import TypingSignals
from shared.clock import ManualClock
from shared.contracts.presence import Typing
from shared.ids import new_id

ROOM = new_id()
TYPING = Typing(ROOM)


class Scene:
    """Somebody who types in a room, whether they are invisible, and what the room is told."""

    crowd = None

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2030, 1, 1, tzinfo=UTC))
        self.user_id = new_id()
        self.is_invisible = False
        self.told: list[bool] = []
        """Of each signal, whether it says that they type."""
        self.typing = TypingSignals(self, self.clock, self.is_hidden)  # type: ignore[arg-type]  # what it needs of a bus

    async def is_hidden(self, _user_id: str) -> bool:
        await asyncio.sleep(0)
        return self.is_invisible

    def signal(self, _subject: str, payload: bytes) -> None:
        self.told.append(msgspec.json.decode(payload)["d"]["until_at"] is not None)

    def find_room(self, _room_id: str) -> Any:
        return self

    async def start(self) -> None:
        await self.typing.start(self, TYPING)  # type: ignore[arg-type]  # what it needs of a connection

    async def stop(self) -> None:
        await self.typing.stop(self, TYPING)  # type: ignore[arg-type]  # as above


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_start_is_told_once_in_three_seconds_and_its_end_once(scene: Scene) -> None:
    await scene.start()
    await scene.start()
    assert scene.told == [True]
    scene.clock.set(scene.clock.now() + timedelta(seconds=3))
    await scene.start()
    await scene.stop()
    await scene.stop()
    assert scene.told == [True, True, False]


async def test_nobody_is_told_that_somebody_invisible_stopped(scene: Scene) -> None:
    scene.is_invisible = True
    await scene.start()
    await scene.stop()
    assert scene.told == []


async def test_of_who_became_invisible_while_typing_nothing_more_is_told(scene: Scene) -> None:
    await scene.start()
    scene.is_invisible = True
    scene.clock.set(scene.clock.now() + timedelta(seconds=3))
    await scene.start()
    await scene.stop()
    assert scene.told == [True]
