"""Identifiers: time-ordered UUIDs (version 7) and the id of a conversation by its people."""

import os
import re
import time
import uuid

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DM_NAMESPACE = uuid.UUID("6f1c1c0a-6f1e-5d39-9a40-0b7f3a2d9c11")


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random."""
    value = (time.time_ns() // 1_000_000 & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Whether `text` is a lower-case UUID, and so safe as a token of a NATS subject."""
    return _UUID.fullmatch(text) is not None


def dm_room_id(user_ids: list[str]) -> str:
    """Return the id of the room of exactly these people, the same for any order and repetition."""
    return str(uuid.uuid5(_DM_NAMESPACE, ",".join(sorted(set(user_ids)))))
