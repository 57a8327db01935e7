"""Who has left a room, and when: they hear nothing more of it (decision 11). Pure; used by the room."""

import msgspec
from msgspec import Struct

_MEMBER_LEFT = b'{"ev":"member.left"'
_KEPT_MAX = 256


class _Named(Struct):
    user_id: str


class _MemberEvent(Struct):
    d: _Named


_decode_member = msgspec.json.Decoder(_MemberEvent).decode


class Leavings:
    """The revs at which users left last; the oldest are forgotten."""

    __slots__ = ("_rev_by_user",)

    def __init__(self) -> None:
        self._rev_by_user: dict[str, int] = {}

    def note(self, user_id: str, rev: int) -> None:
        """Remember that a user left at `rev`."""
        self._rev_by_user.pop(user_id, None)
        self._rev_by_user[user_id] = rev
        if len(self._rev_by_user) > _KEPT_MAX:
            del self._rev_by_user[next(iter(self._rev_by_user))]

    def is_after(self, user_id: str, rev: int) -> bool:
        """Whether the user is known to have left after `rev`."""
        return self._rev_by_user.get(user_id, -1) > rev


def find_leaver(payload: bytes) -> str | None:
    """Return whose `member.left` an event is; None if it is another event."""
    return _decode_member(payload).d.user_id if payload.startswith(_MEMBER_LEFT) else None


def cut_at_leaving(payloads: list[bytes], user_id: str) -> list[bytes]:
    """Return the payloads up to the `member.left` of that user; none if it is not among them."""
    for index, payload in enumerate(payloads):
        if find_leaver(payload) == user_id:
            return payloads[: index + 1]
    return []
