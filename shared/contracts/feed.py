"""The feed's names: what another service attaches to. The service makes them, the client asks for them."""

STREAM = "CHAT"
ROOM_EVENTS = "chat.room.>"
"""What the stream captures: `chat.room.<room_id>.<event>`."""

DEAD_STREAM = "CHAT_DEAD"
DEAD_EVENTS = "chat.dead.>"
"""Events that a consumer gave up on, `chat.dead.<durable>`, with the reason in their headers."""

POSITIONS = "chat_positions"
"""The key-value bucket of how far each durable is in each room, `<durable>.<room_id>` = `<epoch>:<rev>`."""

INBOX_PREFIX = "_INBOX_feed"
"""Consumers have inboxes of their own: whoever may listen to `_INBOX.>` hears the services' replies."""


def dead_subject(durable: str) -> str:
    """Return where the events go that this durable gave up on."""
    return f"chat.dead.{durable}"
