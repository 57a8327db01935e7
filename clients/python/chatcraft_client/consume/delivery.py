"""One event in the hands of a handler: finished when its block ends well, tried again when it raises."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType

from chatcraft_client.consume.order import Arrival, Place
from chatcraft_client.frames import Event


@dataclass(slots=True)
class Delivery:
    """`async with delivery as event:` handles it.

    Left without an exception: the room's place is saved, then the event is acknowledged, then the room's
    next one may come. Left with one: it is logged and goes no further; the same delivery comes again after
    a pause, and meanwhile nothing of that room does. Never entered: it comes again once the process ends.
    """

    event: Event
    place: Place
    arrivals: list[Arrival]
    """What the stream brought for it: one, or all that a `room.changes` covers."""
    on_done: Callable[["Delivery"], Awaitable[None]] = field(repr=False)
    on_failed: Callable[["Delivery", Exception], Awaitable[None]] = field(repr=False)
    tries: int = 0
    """How often it has failed in this process."""

    @property
    def room_id(self) -> str:
        assert self.event.room_id is not None
        return self.event.room_id

    async def __aenter__(self) -> Event:
        return self.event

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if exc is None:
            await self.on_done(self)
            return False
        if isinstance(exc, Exception):
            await self.on_failed(self, exc)
            return True
        return False
