"""The protocol as code: every command, event, error and close code, declared once and pure.

Importing this package fills the registry. Knows msgspec and nothing of HTTP, sockets or NATS.
"""

from shared.contracts import (
    auth,
    consents,
    drafts,
    emails,
    events,
    invitations,
    invites,
    members,
    messages,
    passwords,
    presence,
    reactions,
    registration,
    rooms,
    saved,
    search,
    sync,
    threads,
    users,
)

__all__ = [
    "auth", "consents", "drafts", "emails", "events", "invitations", "invites", "members", "messages",
    "passwords", "presence", "reactions", "registration", "rooms", "saved", "search", "sync", "threads",
    "users",
]  # fmt: skip
