"""The protocol as code: every command, event, error and close code, declared once and pure.

Importing this package fills the registry. Knows msgspec and nothing of HTTP, sockets or NATS.
"""

from shared.contracts import auth, events, members, messages, presence, rooms, search, sync, users

__all__ = ["auth", "events", "members", "messages", "presence", "rooms", "search", "sync", "users"]
