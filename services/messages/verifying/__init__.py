"""Verifying: what must hold of the stored rooms and users, checked on a database that is in use."""

from services.messages.verifying.run import Summary, verify

__all__ = ["Summary", "verify"]
