"""Calls from one service to another, typed: encode, ask, decode; subjects are in contracts.internal."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from shared.bus import Bus
from shared.errors import ChatError

Reply = TypeVar("Reply", bound=Struct)

OK = b'{"ok":'


def unwrap(reply: bytes) -> bytes:
    """Return what stands under `ok`; raises the ChatError that stands under `error`."""
    if reply.startswith(OK):
        return reply[len(OK) : -1]
    raise ChatError.decode(reply)


async def call(bus: Bus, subject: str, request: Struct, reply: type[Reply], *, timeout_s: float = 5) -> Reply:
    """Ask another service. Raises ChatError as `Bus.request`, or as the service answered."""
    raw = await bus.request(subject, msgspec.json.encode(request), timeout_s=timeout_s)
    return msgspec.json.decode(unwrap(raw), type=reply)
