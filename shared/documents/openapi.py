"""The REST door as OpenAPI 3.1, built from the registry. The gateway serves it; /docs reads it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from shared.contracts.errors import STATUS, ErrorCode, ErrorReply
from shared.contracts.registry import COMMON_ERRORS, Access, Command, Rep, Req, iter_commands
from shared.contracts.sync import Sync
from shared.documents.access import describe_access
from shared.documents.schemas import Schema, build_schemas, list_shapes, ref

_TITLE = "ChatCraft"
_VERSION = "1"
_DESCRIPTION = (
    "Commands over HTTP. The same commands run over the WebSocket `/ws`, which `/asyncapi.json` describes. "
    "Ids are lower-case UUIDs, times RFC 3339 in UTC. Unknown fields are refused."
)
_JSON = "application/json"
# Their fields stand in the query instead of a body.
_QUERY_METHODS = frozenset({"GET", "DELETE"})
# What the door itself answers where there is a body to read.
_BODY_ERRORS = (ErrorCode.BAD_FRAME, ErrorCode.TOO_LARGE)
_BROWSER_HEADER: Schema = {
    "name": "X-Chat-Client",
    "in": "header",
    "description": "`web`: the refresh token travels in an HttpOnly cookie and is null in the body.",
    "schema": {"enum": ["web"]},
}


def build_openapi() -> dict[str, Any]:
    """Return the document; commands without a REST door are not in it."""
    schemas = build_schemas()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    tags: dict[str, None] = {}
    for command in iter_commands():
        if command.http is None:
            continue
        tags[_tag(command)] = None
        paths[command.http.path][command.http.method.lower()] = _operation(command, schemas)
    paths["/stream"] = {"get": _stream(None), "post": _stream(ref(Sync))}
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": _VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}],
        "tags": [{"name": tag} for tag in (*tags, "stream")],
        "paths": dict(paths),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _stream(body: Schema | None) -> Schema:
    """Describe the one door that is no command: the socket's frames as Server-Sent Events."""
    operation: Schema = {
        "operationId": "stream.resume" if body else "stream.open",
        "summary": "Follow all rooms where WebSocket is blocked",
        "tags": ["stream"],
        "responses": {
            "200": {
                "description": "The frames of the socket, one event each",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_error_responses((*COMMON_ERRORS, ErrorCode.UNAUTHENTICATED, ErrorCode.TOKEN_EXPIRED)),
        },
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": body}}}
    else:
        schema = {"type": "string", "examples": ["<room_id>:<epoch>:<rev>"]}
        operation["parameters"] = [{"name": "Last-Event-ID", "in": "header", "schema": schema}]
    return operation


def _tag(command: Command[Req, Rep]) -> str:
    return command.name.split(".")[0]


def _operation(command: Command[Req, Rep], schemas: dict[str, Schema]) -> Schema:
    body = _body(command, schemas)
    operation: Schema = {
        "operationId": command.name,
        "summary": command.summary,
        "description": describe_access(command),
        "tags": [_tag(command)],
    }
    if command.access is Access.PUBLIC:
        operation["security"] = []
    if parameters := _parameters(command, schemas):
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": body}}}
    errors = (*command.errors, *(_BODY_ERRORS if body else ()))
    operation["responses"] = {
        str(command.status): {
            "description": "Done",
            "content": {_JSON: {"schema": ref(command.reply)}},
        },
        **_error_responses(errors),
    }
    return operation


def _parameters(command: Command[Req, Rep], schemas: dict[str, Schema]) -> list[Schema]:
    assert command.http is not None, "only commands with a REST door come here"
    request = schemas[command.request.__name__]
    parameters = []
    for name, schema in request["properties"].items():
        if name in command.http.path_fields:
            parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
        elif command.http.method in _QUERY_METHODS:
            parameters.append(_query_parameter(name, schema, is_required=name in request["required"]))
    if any("tokens" in shape.__struct_fields__ for shape in list_shapes(command.reply)):
        parameters.append(_BROWSER_HEADER)
    return parameters


def _query_parameter(name: str, schema: Schema, *, is_required: bool) -> Schema:
    parameter = {"name": name, "in": "query", "required": is_required, "schema": _without_null(schema)}
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False, "description": "Separated by commas."}
    return parameter


def _without_null(schema: Schema) -> Schema:
    # Nothing in a query is null: what is null in the struct is left out.
    match schema:
        case {"anyOf": [dict(kind), {"type": "null"}]}:
            return kind
        case _:
            return schema


def _body(command: Command[Req, Rep], schemas: dict[str, Schema]) -> Schema | None:
    assert command.http is not None, "only commands with a REST door come here"
    request = schemas[command.request.__name__]
    fields = {
        name: kind for name, kind in request["properties"].items() if name not in command.http.path_fields
    }
    if command.http.method in _QUERY_METHODS or not fields:
        return None
    if len(fields) == len(request["properties"]):
        return ref(command.request)
    return {
        "type": "object",
        "properties": fields,
        "required": [name for name in request["required"] if name in fields],
        "additionalProperties": False,
    }


def _error_responses(codes: Iterable[ErrorCode]) -> dict[str, Schema]:
    by_status: dict[int, list[ErrorCode]] = defaultdict(list)
    for code in codes:
        by_status[STATUS[code]].append(code)
    return {
        str(status): {
            "description": ", ".join(f"`{code}`" for code in by_status[status]),
            "content": {_JSON: {"schema": ref(ErrorReply)}},
        }
        for status in sorted(by_status)
    }
