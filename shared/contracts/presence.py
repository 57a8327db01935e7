"""Commands of presence and typing. Watching and typing live in the gateway, the truth in Redis."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.entities import Empty, Presence, PresenceStatus
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Id, StatusText, Timestamp
from shared.contracts.limits import PRESENCES_PER_REQUEST
from shared.contracts.registry import GATEWAY_ONLY, GET, PUT, Effect, command


class SetPresence(Struct, frozen=True):
    status: PresenceStatus
    text: StatusText | None = None
    expires_at: Timestamp | None = None
    """When status and text fall back to `online` and none."""


class GetPresence(Struct, frozen=True):
    user_ids: Annotated[list[Id], Meta(min_length=1, max_length=PRESENCES_PER_REQUEST)]


class Presences(Struct, frozen=True):
    """One for each id asked, in that order; unknown people are offline."""

    presences: list[Presence]


class WatchPresence(Struct, frozen=True):
    # No bound of length here: too many watched people is `too_large`, not `invalid_input`.
    user_ids: list[Id]


class Typing(Struct, frozen=True):
    room_id: Id
    thread_id: Id | None = None


set_presence = command(
    "presence.set", SetPresence, Presence, "Set the caller's status, on all devices",
    service="presence", http=PUT("/presence"),
)  # fmt: skip
get = command(
    "presence.get", GetPresence, Presences, "Who of these is here now",
    service="presence", http=GET("/presence"),
)  # fmt: skip
watch = command(
    "presence.watch", WatchPresence, Presences, "Follow people; the reply is how they are now",
    service="gateway", doors=GATEWAY_ONLY, errors=(ErrorCode.TOO_LARGE,), effect=Effect.READ,
)  # fmt: skip
unwatch = command(
    "presence.unwatch", WatchPresence, Empty, "Stop following people",
    service="gateway", doors=GATEWAY_ONLY, effect=Effect.READ,
)  # fmt: skip
typing_start = command(
    "typing.start", Typing, Empty, "Tell the room that the caller types",
    service="gateway", doors=GATEWAY_ONLY, errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
typing_stop = command(
    "typing.stop", Typing, Empty, "Tell the room that the caller stopped typing",
    service="gateway", doors=GATEWAY_ONLY, errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
