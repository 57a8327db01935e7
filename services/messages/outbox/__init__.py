"""The outbox: publishes committed events, and takes over what others committed and did not publish."""

from services.messages.outbox.feed import keep_stream
from services.messages.outbox.publisher import Publisher
from services.messages.outbox.sweeper import Sweeper

__all__ = ["Publisher", "Sweeper", "keep_stream"]
