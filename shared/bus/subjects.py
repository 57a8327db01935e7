"""Every NATS subject the project uses, built in one place. An id that is no UUID never enters one."""

from shared.ids import is_id

REVOKED = "auth.revoked"


def room_event(room_id: str, event: str) -> str:
    return f"chat.room.{_checked(room_id)}.{event}"


def room_events(room_id: str) -> str:
    """All events of a room; an event name has a dot itself, hence `>`."""
    return f"chat.room.{_checked(room_id)}.>"


def user_event(user_id: str, event: str) -> str:
    return f"chat.user.{_checked(user_id)}.{event}"


def user_events(user_id: str) -> str:
    return f"chat.user.{_checked(user_id)}.>"


def room_signal(room_id: str, signal: str) -> str:
    return f"chat.signal.{_checked(room_id)}.{signal}"


def room_signals(room_id: str) -> str:
    return f"chat.signal.{_checked(room_id)}.>"


def presence(user_id: str) -> str:
    return f"chat.presence.{_checked(user_id)}"


def health(service: str, instance: str) -> str:
    """Where an instance hears itself: readiness is a message that came back."""
    return f"health.{service}.{_checked(instance)}"


def _checked(identifier: str) -> str:
    if not is_id(identifier):
        raise ValueError("not a UUID: it may not enter a subject")
    return identifier
