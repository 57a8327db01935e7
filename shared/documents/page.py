"""The protocol as one page for people, built from the registry. The gateway serves it at /docs.

No scripts: the gateway's Content-Security-Policy allows none but the web client's.
"""

import re
from collections.abc import Iterable
from html import escape
from importlib import resources

from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import RETRYABLE, STATUS
from shared.contracts.events import EVENTS
from shared.contracts.registry import Command, Rep, Req, iter_commands
from shared.documents.access import describe_access
from shared.documents.schemas import Schema, build_schemas
from shared.documents.typescript import spell_type

STYLE_PATH = "/docs.css"
_TYPE_NAME = re.compile(r"\b[A-Z][A-Za-z]+\b")
_SKELETON = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ChatCraft: the protocol</title><link rel="stylesheet" href="{style}"></head>
<body><header><h1>ChatCraft, protocol 1</h1>
<p>Commands can be sent over the WebSocket <code>/ws</code> as
<code>{{"op": …, "ref": …, "d": {{…}}}}</code>, and most of them over REST below <code>/api/v1</code>.
The same for machines: <a href="/api/v1/openapi.json">OpenAPI</a> and
<a href="/asyncapi.json">AsyncAPI</a>.</p><nav>{links}</nav></header><main>{sections}</main></body></html>
"""
_BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "minimum": "from {}",
    "maximum": "to {}",
}


def build_page() -> str:
    """Return the HTML: commands by noun, events, shapes, errors, close codes."""
    schemas = build_schemas()
    sections = [
        _section("Commands", (_command(command, schemas) for command in iter_commands())),
        _section("Events and signals", [_events(schemas)]),
        _section("Shapes", (_shape(name, schema, schemas) for name, schema in schemas.items())),
        _section("Errors", [_errors()]),
        _section("Close codes", [_close_codes()]),
    ]
    links = "".join(f'<a href="#{_anchor(title)}">{title}</a>' for title in _TITLES)
    return _SKELETON.format(style=STYLE_PATH, links=links, sections="".join(sections))


def read_style() -> str:
    """Return the stylesheet of the page."""
    return (resources.files("shared.documents") / "page.css").read_text(encoding="utf-8")


_TITLES = ("Commands", "Events and signals", "Shapes", "Errors", "Close codes")


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _section(title: str, parts: Iterable[str]) -> str:
    return f'<section id="{_anchor(title)}"><h2>{title}</h2>{"".join(parts)}</section>'


def _command(command: Command[Req, Rep], schemas: dict[str, Schema]) -> str:
    rest = f"{command.http.method} /api/v1{command.http.path}" if command.http else "socket only"
    reply = _linked(command.reply.__name__, schemas)
    errors = ", ".join(f"<code>{code}</code>" for code in command.errors)
    return (
        f'<article id="{command.name}"><h3>{command.name}</h3><p>{_prose(command.summary)}.</p>'
        f"<p><code>{escape(rest)}</code> · {escape(describe_access(command))}</p>"
        f"{_fields(schemas[command.request.__name__], schemas)}"
        f"<p>Answers {command.status} {reply}, or {errors}.</p></article>"
    )


def _events(schemas: dict[str, Schema]) -> str:
    rows = (
        (
            f"<code>{event.name}</code>",
            _linked(event.data.__name__, schemas),
            event.timeline,
            _prose(event.summary),
        )
        for event in EVENTS.values()
    )
    return _table(("Event", "Data", "Numbered by", ""), rows)


def _shape(name: str, schema: Schema, schemas: dict[str, Schema]) -> str:
    said = f"<p>{_prose(schema.get('description', ''))}</p>"
    body = (
        _fields(schema, schemas)
        if "properties" in schema
        else f"<p>{_linked(spell_type(schema), schemas)}</p>"
    )
    return f'<article id="{name}"><h3>{name}</h3>{said}{body}</article>'


def _fields(schema: Schema, schemas: dict[str, Schema]) -> str:
    rows = [
        (
            f"<code>{name}</code>" + ("" if name in schema["required"] else " optional"),
            _linked(spell_type(kind), schemas),
            _bounds(kind),
        )
        for name, kind in schema["properties"].items()
    ]
    return _table(("Field", "Type", "Bounds"), rows) if rows else ""


def _bounds(schema: Schema) -> str:
    kinds = [schema, *schema.get("anyOf", [])]
    return ", ".join(text.format(kind[key]) for kind in kinds for key, text in _BOUNDS.items() if key in kind)


def _errors() -> str:
    rows = (
        (f"<code>{code}</code>", str(status), "yes" if code in RETRYABLE else "no")
        for code, status in STATUS.items()
    )
    return _table(("Code", "HTTP", "Try again"), rows)


def _close_codes() -> str:
    rows = ((str(code.value), escape(code.name.lower().replace("_", " "))) for code in CloseCode)
    return "<p>4000-4499: come back. 4500-4999: do not.</p>" + _table(("Code", "Meaning"), rows)


def _linked(spelled: str, schemas: dict[str, Schema]) -> str:
    """Return a type with links to the shapes it names."""

    def link(match: re.Match[str]) -> str:
        name = match[0]
        return f'<a href="#{name}">{name}</a>' if name in schemas else name

    return f"<code>{_TYPE_NAME.sub(link, escape(spelled, quote=False))}</code>"


def _prose(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
