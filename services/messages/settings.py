"""Settings of the messages service, from the environment."""

from pydantic import Field

from shared.settings import DatabaseSettings


class MessagesSettings(DatabaseSettings):
    """`CHATCRAFT_MESSAGES_…` beside what every service has."""

    messages_writers: int = Field(default=1, ge=1, le=8)
    """Batches that may be under way at once, each on a connection of its own."""
    messages_batch_max: int = Field(default=500, ge=1, le=500)
    """Commands in one transaction. Other than 500 for the benchmark only: what is sharing a commit worth?"""
    messages_drain_s: float = Field(default=10.0, gt=0)
    """How long a stopping process finishes what it has taken."""
    messages_retention_every_s: float = Field(default=60.0, gt=0)
    """How often to look for messages that their rooms keep no longer."""
    messages_feed_days: int = Field(default=7, ge=1)
    """How long the feed keeps events for other services."""
    messages_feed_max_bytes: int = Field(default=8 * 1024**3, ge=1024**2)
    """What the feed may take on disk; then the oldest events go."""
    messages_feed_replicas: int = Field(default=1, ge=1, le=5)
    """On how many servers of a NATS cluster the feed is kept: 1, 3 or 5."""
