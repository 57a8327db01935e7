"""Exports of what is known about a person, and the erasure of it; `docs/privacy.md` says what that is."""
