"""What deploy/nats/permissions.conf lets each user say and hear, and what the code has to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.bus import subjects
from shared.contracts import internal
from shared.contracts.registry import iter_commands
from shared.ids import new_id

SERVICES = ("auth", "gateway", "messages", "presence")
_CALLS = [value for name, value in vars(internal).items() if name.isupper() and isinstance(value, str)]


@dataclass(frozen=True)
class Permissions:
    """Patterns of one user."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def read_permissions(text: str) -> dict[str, Permissions]:
    """Return what is said of each user. Raises ValueError if a user's password is not its own variable."""
    users = {}
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    pattern = r"user: (\w+), password: (\S+)\s+permissions: \{\s+publish: \[(.*?)\]\s+subscribe: \[(.*?)\]"
    for user, password, publish, subscribe in re.findall(pattern, code, re.DOTALL):
        if password != f"$NATS_{user.upper()}_PASSWORD":
            raise ValueError(f"the password of {user} is {password}")
        users[user] = Permissions(
            tuple(re.findall(r'"(.+?)"', publish)), tuple(re.findall(r'"(.+?)"', subscribe))
        )
    if len(users) != code.count("user: "):
        raise ValueError("there is a user that cannot be read")
    return users


def needed_subjects() -> Iterator[tuple[str, str, str]]:
    """Return (user, publish or subscribe, subject) for all that the code says and hears."""
    for command in iter_commands():
        if command.is_forwarded:
            yield command.service, "subscribe", command.subject
            yield "gateway", "publish", command.subject
    for subject in _CALLS:
        yield subject.split(".")[1], "subscribe", subject
        if subject != internal.DELIVERIES:  # asked by the operator's programs, as `messages`
            yield "gateway", "publish", subject
    yield from _needed_events()
    for service in SERVICES:
        for direction in ("publish", "subscribe"):
            yield service, direction, subjects.health(service, new_id())
            yield service, direction, "_INBOX.replies"


def _needed_events() -> Iterator[tuple[str, str, str]]:
    room_id, user_id = new_id(), new_id()
    yield "messages", "publish", internal.KNOWN_USERS
    for subject in (
        internal.EXPORT_PAGE,
        internal.ERASE_SOME,
        internal.PRESENCE_KEPT,
        internal.PRESENCE_FORGET,
    ):
        yield "auth", "publish", subject
    yield "messages", "publish", internal.DELIVERIES
    yield "messages", "publish", subjects.room_event(room_id, "message.created")
    for service in ("auth", "messages"):
        yield service, "publish", subjects.user_event(user_id, "room.added")
    yield "auth", "publish", subjects.REVOKED
    yield "presence", "publish", subjects.presence(user_id)
    yield "gateway", "publish", subjects.room_signal(room_id, "typing.changed")
    for heard in (subjects.room_events, subjects.room_signals):
        yield "gateway", "subscribe", heard(room_id)
    for subject in (subjects.user_events(user_id), subjects.presence(user_id), subjects.REVOKED):
        yield "gateway", "subscribe", subject


def find_missing(users: Mapping[str, Permissions]) -> list[str]:
    """What a service has to say or hear and may not."""
    return [
        f"{user} may not {direction} {subject}"
        for user, direction, subject in needed_subjects()
        if not any(covers(each, subject) for each in getattr(users.get(user, Permissions((), ())), direction))
    ]


def find_excess(users: Mapping[str, Permissions]) -> list[str]:
    """Whose word is believed because nobody else may say it: nobody else may."""
    room_id, user_id = new_id(), new_id()
    only = {
        "rpc.messages.send": {"gateway"},
        subjects.room_event(room_id, "message.created"): {"messages"},
        subjects.user_event(user_id, "room.added"): {"auth", "messages"},
        subjects.room_signal(room_id, "typing.changed"): {"gateway"},
        subjects.presence(user_id): {"presence"},
        subjects.REVOKED: {"auth"},
        internal.POSITIONS: {"gateway"},
    }
    return [
        f"{user} may publish {subject}"
        for subject, allowed in only.items()
        for user, permissions in users.items()
        if user not in allowed and any(covers(each, subject) for each in permissions.publish)
    ]


def covers(pattern: str, subject: str) -> bool:
    """Whether a NATS pattern lets all of `subject` through, which may end with a wildcard itself."""
    wanted, given = pattern.split("."), subject.split(".")
    for index, token in enumerate(wanted):
        if token == ">":
            return len(given) > index
        if index >= len(given) or (token not in {"*", given[index]}) or given[index] == ">":
            return False
    return len(wanted) == len(given)
