"""The laws run against two instances of the service, as the integration tests do."""

from tests.integration.messages.conftest import world

__all__ = ["world"]
