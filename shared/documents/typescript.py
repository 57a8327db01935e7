"""The contract as TypeScript, for the web client: one interface a struct, the tables of names."""

import json
from collections.abc import Iterable, Iterator

from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import RETRYABLE, STATUS
from shared.contracts.events import EVENTS
from shared.contracts.registry import Access, Command, Door, Rep, Req, iter_commands
from shared.documents.schemas import REF, Schema, build_schemas

_HEADER = "// Generated from the registry by `python -m shared.documents write`. Do not edit.\n"
_PRIMITIVES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_ROUTE = """export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below /api/v1; `{fields}` of the request stand in the path. */
  readonly path: string;
}
"""


def build_typescript() -> str:
    """Return the module's text; the same registry gives the same bytes."""
    commands = sorted(iter_commands(), key=lambda command: command.name)
    parts = [
        _HEADER,
        *(_declare(name, schema) for name, schema in build_schemas().items()),
        _ROUTE,
        _block("export interface Commands {", (_command(command) for command in commands)),
        _block(
            "export interface Events {",
            (f'"{event.name}": {event.data.__name__};' for event in EVENTS.values()),
        ),
        "export type Op = keyof Commands;\nexport type EventName = keyof Events;\n",
        _block(
            "/** Null: the command has no REST door. */\nexport const routes: Record<Op, Route | null> = {",
            (_route(command) for command in commands),
            "};",
        ),
        _list_ops(
            "/** Anybody may call these: no token goes along. */",
            "publicOps",
            (command.name for command in commands if command.access is Access.PUBLIC),
        ),
        _list_ops(
            "/** The socket does not take these. */",
            "restOnlyOps",
            (command.name for command in commands if Door.SOCKET not in command.doors),
        ),
        _errors(),
        _close_codes(),
    ]
    return "\n".join(parts)


def _declare(name: str, schema: Schema) -> str:
    comment = _comment(schema.get("description", ""))
    if schema.get("type") != "object":
        return f"{comment}export type {name} = {spell_type(schema)};\n"
    if not schema["properties"]:
        return f"{comment}export type {name} = Record<string, never>;\n"
    required = set(schema["required"])
    fields = (
        f"{field}{'' if field in required else '?'}: {spell_type(kind)};"
        for field, kind in schema["properties"].items()
    )
    return comment + _block(f"export interface {name} {{", fields)


def spell_type(schema: Schema) -> str:
    """Return a schema as a TypeScript type."""
    match schema:
        case {"$ref": str(target)}:
            return target.removeprefix(REF)
        case {"anyOf": list(options)}:
            return " | ".join(spell_type(option) for option in options)
        case {"enum": list(values)}:
            return " | ".join(json.dumps(value) for value in values)
        case {"type": "array", "items": dict(items)}:
            inner = spell_type(items)
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        case {"type": "object"}:
            values = schema.get("additionalProperties", {})
            return f"Record<string, {spell_type(values) if values else 'unknown'}>"
        case {"type": str(kind)} if kind in _PRIMITIVES:
            return _PRIMITIVES[kind]
        case _:
            raise ValueError(f"no TypeScript for {schema}")


def _command(command: Command[Req, Rep]) -> str:
    return f'"{command.name}": {{ request: {command.request.__name__}; reply: {command.reply.__name__} }};'


def _route(command: Command[Req, Rep]) -> str:
    if command.http is None:
        return f'"{command.name}": null,'
    return f'"{command.name}": {{ method: "{command.http.method}", path: "{command.http.path}" }},'


def _list_ops(comment: str, name: str, ops: Iterable[str]) -> str:
    start = f"{comment}\nexport const {name}: ReadonlySet<Op> = new Set<Op>(["
    return _block(start, (f'"{op}",' for op in ops), "]);")


def _errors() -> str:
    lines = (
        f"{code}: {{ status: {status}, isRetryable: {'true' if code in RETRYABLE else 'false'} }},"
        for code, status in STATUS.items()
    )
    start = "export const errors: Record<ErrorCode, { status: number; isRetryable: boolean }> = {"
    return _block(start, lines, "};")


def _close_codes() -> str:
    lines = (f"{code.name.lower()}: {code.value}," for code in CloseCode)
    return _block(
        "/** 4000-4499: reconnect. 4500-4999: do not. */\nexport const closeCodes = {", lines, "} as const;"
    )


def _block(start: str, lines: Iterable[str], end: str = "}") -> str:
    return "\n".join((start, *_indented(lines), end, ""))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _comment(text: str) -> str:
    return f"/** {' '.join(text.split())} */\n" if text else ""
