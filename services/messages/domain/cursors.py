"""Page cursors: the sort key of the last row, opaque to clients."""

import base64
import binascii
from typing import TypeVar

import msgspec

from shared.errors import invalid

Key = TypeVar("Key")


def encode_cursor(key: tuple[object, ...]) -> str:
    """Return `key` as a token of letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, key: type[Key]) -> Key:
    """Return the key. Raises `invalid_input` for what `encode_cursor` did not make of such a key."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=key)
    except (binascii.Error, ValueError, msgspec.DecodeError) as exc:
        raise invalid("cursor", "is not a cursor that this server gave") from exc
