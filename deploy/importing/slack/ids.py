"""Ids made of where things come from: the same export, or a larger one later, makes the same ids. Pure."""

import hashlib
import uuid

_NAMESPACE = uuid.UUID("5f0c8f2e-8a6d-5d0b-9d3c-0f6c1d6f7a55")
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class Ids:
    """The ids of one workspace: UUIDs of version 5 (RFC 9562, section 5.5), without the library's detours."""

    def __init__(self, team: str) -> None:
        self._prefix = hashlib.sha1(_NAMESPACE.bytes + f"slack/{team}/".encode(), usedforsecurity=False)

    def person(self, key: str) -> str:
        return self._make(f"user/{key}")

    def room(self, channel_id: str) -> str:
        return self._make(f"channel/{channel_id}")

    def message(self, channel_id: str, stamp: int, part: int = 0) -> str:
        """Return the id of a message by its time stamp; the parts of one that was cut are numbered from 0."""
        path = f"channel/{channel_id}/message/{stamp}"
        return self._make(f"{path}/{part}" if part else path)

    def _make(self, path: str) -> str:
        digest = self._prefix.copy()
        digest.update(path.encode())
        hexed = digest.hexdigest()
        return f"{hexed[:8]}-{hexed[8:12]}-5{hexed[13:16]}-{_VARIANT[hexed[16]]}{hexed[17:20]}-{hexed[20:32]}"
