"""All that a client knows: its rooms, kept right by sync and events. Pure; asks for nothing itself.

The session feeds it in the order of the wire; users of the client read it at any time.
"""

from chatcraft_client.frames import ROOM_SYNCED, Event
from chatcraft_client.room_state import RoomState, Verdict
from shared.contracts.entities import Membership, Message, Presence
from shared.contracts.events import RoomActivity, RoomRemoved, RoomReset
from shared.contracts.sync import HeldPosition, Synced, SyncElement

_NOWHERE = HeldPosition(0, 0)
"""No epoch is 0: whoever names this position gets the room anew."""


class State:
    """Rooms by id, presences by user id, and how often the server broke its promise of order."""

    def __init__(self, kept_messages: int | None = None) -> None:
        """`kept_messages` bounds what is kept per room, the newest; None keeps all that was met."""
        self._kept = kept_messages
        self.rooms: dict[str, RoomState] = {}
        self.presences: dict[str, Presence] = {}
        self.is_complete = False
        """Whether a sync has ever been finished: what is new after that came while the client was away."""
        self.gaps = 0
        self.repeats = 0

    def positions(self) -> dict[str, HeldPosition]:
        """What to name in `sync`."""
        return {
            room_id: _NOWHERE if room.is_awaited else room.position for room_id, room in self.rooms.items()
        }

    def take_synced(self, synced: Synced) -> list[Event]:
        """Take in a page of `sync`; return what it means as events, nothing for what is `current`."""
        events = [self.remove(room_id) for room_id in synced.left if room_id in self.rooms]
        for element in synced.rooms:
            event = self._take_element(element, is_added=self.is_complete)
            if element.state != "current":
                events.append(event)
        return events

    def apply(self, event: Event) -> Verdict:
        """Take in any event. GAP and RELOAD: ask for `event.room_id` anew; it is not for users to see."""
        match event.data:
            case SyncElement() as element:
                event.new_messages = self._take_element(element, is_added=True).new_messages
                event.room_id = element.room.id
            case RoomRemoved(room_id=room_id):
                self.rooms.pop(room_id, None)
                event.room_id = room_id
            case RoomReset(room_id=room_id):
                event.room_id = room_id
                return self._await(room_id, Verdict.RELOAD)
            case Membership(room_id=room_id) as membership:
                event.room_id = room_id
                if room := self.rooms.get(room_id):
                    room.apply_membership(membership, event.user_rev)
            case Presence() as presence:
                self.presences[presence.user_id] = presence
            case _ if event.room_id is not None:
                return self._apply_to_room(event, event.room_id)
        return Verdict.APPLIED

    def remove(self, room_id: str) -> Event:
        """Forget a room that `sync` says is left."""
        self.rooms.pop(room_id, None)
        return Event("room.removed", RoomRemoved(room_id, "left"), room_id)

    def _apply_to_room(self, event: Event, room_id: str) -> Verdict:
        if isinstance(event.data, RoomActivity):
            room = self.rooms.get(room_id)
            return room.apply_activity(event.data) if room else Verdict.REPEATED
        return Verdict.APPLIED if event.rev is None else self._apply_numbered(event, room_id)

    def _apply_numbered(self, event: Event, room_id: str) -> Verdict:
        room = self.rooms.get(room_id)
        if room is None or room.is_awaited:
            return Verdict.REPEATED
        verdict = room.apply(event)
        self.gaps += verdict is Verdict.GAP
        self.repeats += verdict is Verdict.REPEATED
        return self._await(room_id, verdict) if verdict in {Verdict.GAP, Verdict.RELOAD} else verdict

    def _await(self, room_id: str, verdict: Verdict) -> Verdict:
        if room := self.rooms.get(room_id):
            room.is_awaited = True
        return verdict

    def _take_element(self, element: SyncElement, *, is_added: bool) -> Event:
        held = self.rooms.get(element.room.id)
        event = Event(ROOM_SYNCED, element, element.room.id, element.position.epoch, element.position.rev)
        if held is not None and element.state in {"current", "caught_up"}:
            event.new_messages = held.take(element)
            return event
        self.rooms[element.room.id] = RoomState(element, self._kept)
        if held is not None:
            event.new_messages = [m for m in _main(element) if m.seq > held.room.last_seq]
        elif is_added:
            # The first message of a conversation can be faster than the news of it.
            event.new_messages = [m for m in _main(element) if m.created_at >= element.membership.joined_at]
        return event


def _main(element: SyncElement) -> list[Message]:
    return [m for m in element.messages if m.thread_id is None and m.deleted_at is None]
