"""The JSON Schemas of every struct that travels, by name. The three documents are written from them."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

import shared.contracts  # noqa: F401 - importing it fills the registry
from shared.contracts.errors import ErrorReply
from shared.contracts.events import EVENTS
from shared.contracts.registry import iter_commands

Schema = dict[str, Any]

REF = "#/components/schemas/"


def build_schemas() -> dict[str, Schema]:
    """Return the schema of each struct, sorted by name, with references between them.

    Requests may leave out what has a default; what the server sends always has every key.
    """
    requests = [command.request for command in iter_commands()]
    replies = [*(command.reply for command in iter_commands()), *_sent_by_server()]
    either = {reply: shapes for reply in replies if (shapes := list_shapes(reply)) != (reply,)}
    replies += [shape for shapes in either.values() for shape in shapes]
    asked, sent = _components(requests), _components(replies)
    for reply, shapes in either.items():
        sent[reply.__name__] = {"anyOf": [ref(shape) for shape in shapes]}
    for schema in sent.values():
        if "properties" in schema:
            schema["required"] = list(schema["properties"])
    both = {name for name in asked.keys() & sent.keys() if asked[name] != sent[name]}
    if both:
        raise ValueError(f"asked and sent in different shapes: {', '.join(sorted(both))}")
    for name in {request.__name__ for request in requests} - sent.keys():
        asked[name]["additionalProperties"] = False
    return dict(sorted({**asked, **sent}.items()))


def ref(struct: type[Struct]) -> Schema:
    """Return the reference to a struct's schema."""
    return {"$ref": REF + struct.__name__}


def list_shapes(reply: type[Struct]) -> tuple[type[Struct], ...]:
    """Return the shapes that a reply can have: itself, or what its `either` names."""
    shapes: tuple[type[Struct], ...] = getattr(reply, "either", (reply,))
    return shapes


def walk(schema: Any) -> Iterator[Schema]:
    """Yield every object within a schema, itself included."""
    if isinstance(schema, dict):
        yield schema
        for child in schema.values():
            yield from walk(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from walk(child)


def _sent_by_server() -> list[type[Struct]]:
    return [*(event.data for event in EVENTS.values()), ErrorReply]


def _components(structs: list[type[Struct]]) -> dict[str, Schema]:
    _, components = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    return components
