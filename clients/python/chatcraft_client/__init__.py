"""A typed asyncio client of ChatCraft. Knows the protocol's contracts, and nothing of the services."""

from chatcraft_client.client import Client
from chatcraft_client.errors import ChatCraftError
from chatcraft_client.feed import EventFeed
from chatcraft_client.frames import ROOM_SYNCED, Event
from chatcraft_client.room_state import RoomState, find_differences
from chatcraft_client.state import State

__all__ = [
    "ROOM_SYNCED",
    "ChatCraftError",
    "Client",
    "Event",
    "EventFeed",
    "RoomState",
    "State",
    "find_differences",
]
