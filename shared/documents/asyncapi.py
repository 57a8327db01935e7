"""The socket and the NATS subjects as AsyncAPI 3.0, built from the registry. The gateway serves it.

Directions are the server's: it receives commands and sends replies and events.
"""

from typing import Any

from shared.contracts.errors import ErrorBody
from shared.contracts.events import EVENTS, Event, Timeline
from shared.contracts.registry import Command, Door, Rep, Req, iter_commands
from shared.documents.nats_subjects import build_channels, build_operations
from shared.documents.schemas import Schema, build_schemas, ref

_VERSION = "1"
_DESCRIPTION = (
    "What travels over the WebSocket `/ws` (subprotocol `chatcraft.v1`) and, for other services, "
    "over NATS. All frames are JSON text. Clients ignore unknown fields and unknown events."
)
_REF_MAX = 2**53 - 1
_NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": _REF_MAX}


def build_asyncapi() -> dict[str, Any]:
    """Return the document: every operation of the socket, every event, and the subjects of NATS."""
    on_socket = [command for command in iter_commands() if Door.SOCKET in command.doors]
    messages = {
        **{_request_key(command): _request_message(command) for command in on_socket},
        **{_reply_key(command): _reply_message(command) for command in on_socket},
        **{event.name: _event_message(event) for event in EVENTS.values()},
    }
    socket = {
        "address": "/ws",
        "title": "The socket",
        "servers": [{"$ref": "#/servers/socket"}],
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in messages},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "ChatCraft", "version": _VERSION, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {"socket": socket, **build_channels()},
        "operations": {
            **{command.name: _command_operation(command) for command in on_socket},
            **{f"{event.name}.send": _event_operation(event) for event in EVENTS.values()},
            **build_operations(),
        },
        "components": {
            "schemas": build_schemas(),
            "messages": messages,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _servers() -> dict[str, Schema]:
    return {
        "socket": {
            "host": "localhost:8080",
            "protocol": "wss",
            "description": "A gateway; plain `ws` on one machine.",
            "security": [{"$ref": "#/components/securitySchemes/bearer"}],
        },
        "bus": {
            "host": "127.0.0.1:4222",
            "protocol": "nats",
            "description": "The bus of a deployment. Never open to the public.",
        },
    }


def _request_key(command: Command[Req, Rep]) -> str:
    return f"{command.name}.request"


def _reply_key(command: Command[Req, Rep]) -> str:
    return f"{command.name}.reply"


def _request_message(command: Command[Req, Rep]) -> Schema:
    fields = {
        "op": {"const": command.name},
        "ref": {"type": "integer", "minimum": 1, "maximum": _REF_MAX},
        "d": ref(command.request),
    }
    required = ["op", "ref"]
    return {"title": command.name, "summary": command.summary, "payload": _object(fields, required)}


def _reply_message(command: Command[Req, Rep]) -> Schema:
    done = _object({"ref": _NUMBER, "ok": ref(command.reply)}, ["ref", "ok"])
    failed = _object({"ref": _NUMBER, "error": ref(ErrorBody)}, ["ref", "error"])
    errors = ", ".join(f"`{code}`" for code in command.errors)
    return {
        "title": f"Reply to {command.name}",
        "description": f"Errors: {errors}.",
        "payload": {"oneOf": [done, failed]},
    }


def _event_message(event: Event) -> Schema:
    fields: Schema = {"ev": {"const": event.name}, "d": ref(event.data)}
    match event.timeline:
        case Timeline.ROOM:
            fields |= {"room_id": {"type": "string"}, "epoch": _NUMBER, "rev": _NUMBER}
        case Timeline.USER:
            fields |= {"user_rev": _NUMBER}
        case Timeline.NONE:
            pass
    return {"title": event.name, "summary": event.summary, "payload": _object(fields, list(fields))}


def _object(fields: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": fields, "required": required}


def _command_operation(command: Command[Req, Rep]) -> Schema:
    return {
        "action": "receive",
        "channel": {"$ref": "#/channels/socket"},
        "summary": command.summary,
        "messages": [{"$ref": f"#/channels/socket/messages/{_request_key(command)}"}],
        "reply": {
            "channel": {"$ref": "#/channels/socket"},
            "messages": [{"$ref": f"#/channels/socket/messages/{_reply_key(command)}"}],
        },
    }


def _event_operation(event: Event) -> Schema:
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/socket"},
        "summary": event.summary,
        "messages": [{"$ref": f"#/channels/socket/messages/{event.name}"}],
    }
