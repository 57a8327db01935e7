"""The laws that need the running system use the same people as the e2e tests."""

from tests.e2e.conftest import http, people

__all__ = ["http", "people"]
