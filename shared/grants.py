"""What an API token may do: its scopes, read once, and what they say of a command. Pure.

Made from the auth service's verdict, enforced by the gateway at every door. People have none: they may all.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from shared.contracts.errors import ErrorCode
from shared.contracts.registry import Command, Effect, TokenUse
from shared.errors import ChatError

ROOM_SCOPE = "rooms:"


class Grant(Struct, frozen=True):
    """The rights of one token. `room_ids` is None for a token that covers all rooms of its user."""

    token_hash: str
    """By which the auth service knows it."""
    can_read: bool
    can_write: bool
    room_ids: frozenset[str] | None

    def covers(self, room_id: str | None) -> bool:
        """Whether the token is for that room; None stands for what is about no room, or several."""
        return self.room_ids is None or room_id in self.room_ids

    def check(self, command: Command[Any, Any], request: Struct) -> None:
        """Raise ChatError `forbidden` with `details.reason` `scope` unless the token may send that."""
        if command.tokens is TokenUse.NEVER:
            raise out_of_scope("no API token may do this: sign in")
        if not (self.can_read if command.effect is Effect.READ else self.can_write):
            raise out_of_scope(f"this token lacks the scope {command.effect}")
        if command.tokens is TokenUse.COVERED and not self.covers(getattr(request, "room_id", None)):
            raise out_of_scope("this token is for certain rooms")


def read_scopes(token_hash: str, scopes: Sequence[str]) -> Grant:
    """Return what scopes allow; one that is not known allows nothing."""
    rooms = [scope.removeprefix(ROOM_SCOPE) for scope in scopes if scope.startswith(ROOM_SCOPE)]
    return Grant(token_hash, "read" in scopes, "write" in scopes, frozenset(rooms) if rooms else None)


def out_of_scope(why: str) -> ChatError:
    """Return what an API token is told that may not do something."""
    return ChatError(ErrorCode.FORBIDDEN, why, details={"reason": "scope"})
