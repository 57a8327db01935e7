"""Ids made of where things come from: the same export, or a larger one later, makes the same ids. Pure."""

import uuid

_NAMESPACE = uuid.UUID("5f0c8f2e-8a6d-5d0b-9d3c-0f6c1d6f7a55")


class Ids:
    """The ids of one workspace."""

    def __init__(self, team: str) -> None:
        self._prefix = f"slack/{team}"

    def person(self, key: str) -> str:
        return self._make(f"user/{key}")

    def room(self, channel_id: str) -> str:
        return self._make(f"channel/{channel_id}")

    def message(self, channel_id: str, stamp: int, part: int = 0) -> str:
        """Return the id of a message by its time stamp; the parts of one that was cut are numbered from 0."""
        path = f"channel/{channel_id}/message/{stamp}"
        return self._make(f"{path}/{part}" if part else path)

    def _make(self, path: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self._prefix}/{path}"))
