"""Retention: what is older than a room keeps is hidden, then deleted, then its space is given free."""

from services.messages.retention.sweeper import Retention
from services.messages.retention.vacuum import Vacuum

__all__ = ["Retention", "Vacuum"]
