"""The protocol as code: every command, event, error and close code, declared once and pure.

Importing this package fills the registry. Knows msgspec and nothing of HTTP, sockets or NATS.
"""

from shared.contracts import (
    admin,
    auth,
    bots,
    consents,
    drafts,
    emails,
    events,
    factors,
    identities,
    invitations,
    invites,
    members,
    messages,
    passwords,
    presence,
    privacy,
    proving,
    reactions,
    registration,
    rooms,
    saved,
    search,
    sync,
    threads,
    tokens,
    users,
)

__all__ = [
    "admin", "auth", "bots", "consents", "drafts", "emails", "events", "factors", "identities", "invitations",
    "invites", "members", "messages", "passwords", "presence", "privacy", "proving", "reactions",
    "registration", "rooms", "saved", "search", "sync", "threads", "tokens", "users",
]  # fmt: skip
