"""The NATS subjects that other services may rely on, as AsyncAPI channels. Part of `asyncapi`."""

from shared.contracts.errors import ErrorReply
from shared.contracts.events import EVENTS, Event, Timeline
from shared.contracts.feed import STREAM
from shared.contracts.registry import Command, Rep, Req, iter_commands
from shared.documents.schemas import Schema, ref

_BUS = [{"$ref": "#/servers/bus"}]
_ROOM_DESCRIPTION = (
    "Every event of a room, the same bytes that a socket gets. At least once; order and de-duplicate by "
    f"`(room_id, epoch, rev)`, which is dense. Kept in the JetStream stream `{STREAM}`."
)
_LOSSY = "Ephemeral: may be lost, and is never repeated."


def build_channels() -> dict[str, Schema]:
    """Return one channel for each forwarded command, and those of the events and signals."""
    return {
        **{_key(command): _command_channel(command) for command in iter_commands() if command.is_forwarded},
        "room_events": _feed("chat.room.{room_id}.{event}", _ROOM_DESCRIPTION, _of_room()),
        "user_events": _feed("chat.user.{user_id}.{event}", "What one user is told of.", _of_user()),
        "room_signals": _feed("chat.signal.{room_id}.{signal}", _LOSSY, [EVENTS["typing.changed"]]),
        "presence": _feed("chat.presence.{user_id}", _LOSSY, [EVENTS["presence.changed"]]),
    }


def build_operations() -> dict[str, Schema]:
    """Return the operations on those channels: commands are answered, the rest is sent."""
    return {
        **{_key(command): _answer(command) for command in iter_commands() if command.is_forwarded},
        **{
            f"{channel}.send": {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}
            for channel in ("room_events", "user_events", "room_signals", "presence")
        },
    }


def _key(command: Command[Req, Rep]) -> str:
    return command.subject


def _command_channel(command: Command[Req, Rep]) -> Schema:
    done = {"type": "object", "properties": {"ok": ref(command.reply)}, "required": ["ok"]}
    return {
        "address": command.subject,
        "title": command.name,
        "description": f"Answered by the {command.service} service in the queue group `{command.service}`.",
        "servers": _BUS,
        "messages": {
            "request": {"payload": ref(command.request)},
            "reply": {"payload": {"oneOf": [done, ref(ErrorReply)]}},
        },
    }


def _answer(command: Command[Req, Rep]) -> Schema:
    channel = f"#/channels/{_key(command)}"
    return {
        "action": "receive",
        "channel": {"$ref": channel},
        "summary": command.summary,
        "messages": [{"$ref": f"{channel}/messages/request"}],
        "reply": {"channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/reply"}]},
    }


def _feed(address: str, description: str, events: list[Event]) -> Schema:
    names = [part[1:-1] for part in address.split(".") if part.startswith("{")]
    return {
        "address": address,
        "description": description,
        "servers": _BUS,
        "parameters": {name: {} for name in names},
        "messages": {event.name: {"$ref": f"#/components/messages/{event.name}"} for event in events},
    }


def _of_room() -> list[Event]:
    # `room.changes` is made by a gateway for one socket; it is never on the bus.
    return [
        event for event in EVENTS.values() if event.timeline is Timeline.ROOM and event.name != "room.changes"
    ]


def _of_user() -> list[Event]:
    numbered = [event for event in EVENTS.values() if event.timeline is Timeline.USER]
    return [*numbered, EVENTS["export.ready"]]
