"""Hostile requests for every command, made from its struct: what no door may let through.

Used by the contract tests on the validation itself and by the e2e tests on the running doors.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial, singledispatch
from typing import Annotated, Any

import msgspec
from msgspec import inspect

from shared.contracts import passkeys
from shared.contracts.registry import Command

Tree = inspect.Type
Bad = tuple[str, Any, str]
"""A label, a value, and where below the field the problem is."""
LONG_KEY = "k" * 1_000_000
DEPTH = 100_000
_USUAL_TEXTS = (
    str(uuid.UUID(int=7)), "ada_lovelace", "en", "Europe/Berlin", "ada@example.org", "2026-01-31T12:00:00Z",
    "A" * 64, "read",
)  # fmt: skip
# Their fields grow with every browser: unknown ones are ignored.
MADE_BY_BROWSERS = frozenset(
    {
        passkeys.PasskeyAttestation,
        passkeys.AttestationResponse,
        passkeys.PasskeyAssertion,
        passkeys.AssertionResponse,
    }
)
# None of these is a UUID, and each would be something else in a subject, a header or a log line.
BAD_IDS = (
    "", "*", ">", "a.b", "..", "not a uuid", "x\r\nSUB > 1\r\n", "../../etc", "0" * 36,
    "00000000-0000-0000-0000-00000000000A", "00000000-0000-0000-0000-000000000000\n",
)  # fmt: skip


@dataclass(frozen=True)
class HostileCase:
    """One request that must be refused. `path` is the field that the refusal names, None for no field."""

    command: Command[Any, Any]
    name: str
    raw: bytes
    path: str | None = None

    @property
    def is_malformed(self) -> bool:
        """Whether it is no JSON at all, and so `bad_frame` rather than `invalid_input`."""
        return self.path is None

    @property
    def is_object(self) -> bool:
        """Whether it is a JSON object, and so wrong in a field only."""
        return not self.is_malformed and self.raw.startswith(b"{")

    def __str__(self) -> str:
        return f"{self.command.name}: {self.name}"


def make_valid(command: Command[Any, Any]) -> dict[str, Any]:
    """Return a request with every required field set to something that its type allows."""
    return {
        name: _valid(kind) for name, kind in _fields(command.request) if name in _required(command.request)
    }


def make_cases(command: Command[Any, Any]) -> Iterator[HostileCase]:
    """Yield the cases of one command; every one differs from a valid request in one thing."""
    case = partial(HostileCase, command)
    valid = make_valid(command)
    for name, kind in _fields(command.request):
        for label, value, below in _bad_values(kind):
            raw = json.dumps(valid | {name: value}).encode()
            yield case(f"{name} {label}", raw, name + below)
    for name in _required(command.request):
        raw = json.dumps({key: value for key, value in valid.items() if key != name}).encode()
        yield case(f"without {name}", raw, name)
    for name in ("sender_id", "user_id", "seq", "rev", "created_at", "role", "admin"):
        if name not in command.request.__struct_fields__:
            yield case(f"with {name}", json.dumps(valid | {name: "x"}).encode(), name)
    yield case("with a key of 1 MB", json.dumps(valid | {LONG_KEY: 1}).encode(), LONG_KEY[:64])
    yield from _not_objects(command)


def _not_objects(command: Command[Any, Any]) -> Iterator[HostileCase]:
    case = partial(HostileCase, command)
    yield case("a number of a million digits", b'{"a":' + b"9" * 1_000_000 + b"}", "a")
    yield case("a surrogate in UTF-8", b'{"a":"\xed\xa0\x80"}', "a")
    for label, raw in (("a list", b"[]"), ("null", b"null"), ("a string", b'"x"'), ("a number", b"7")):
        yield case(label, raw, "")
    for label, raw in (
        ("nothing", b""),
        ("half an object", b'{"a":'),
        ("two objects", b"{}{}"),
        ("NaN", b'{"a":NaN}'),
        ("nested too deep", b'{"a":' + b"[" * DEPTH),
        ("nested too deep, closed", b'{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}"),
        ("bad UTF-8", b'{"a":"\xff\xfe"}'),
    ):
        yield case(label, raw)


def _fields(struct: type[msgspec.Struct]) -> list[tuple[str, Tree]]:
    return [(field.encode_name, field.type) for field in _info(struct).fields]


def _required(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in _info(struct).fields if field.required]


def _info(struct: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return info


@singledispatch
def _valid(kind: Tree) -> Any:
    raise TypeError(f"no valid value known for {kind}")


@_valid.register
def _(kind: inspect.IntType) -> int:
    return kind.ge or 0


@_valid.register
def _(kind: inspect.BoolType) -> bool:
    return False


@_valid.register
def _(kind: inspect.LiteralType) -> Any:
    return kind.values[0]


@_valid.register
def _(kind: inspect.ListType) -> list[Any]:
    return [_valid(kind.item_type) for _ in range(kind.min_length or 0)]


@_valid.register
def _(kind: inspect.DictType) -> dict[str, Any]:
    return {_valid(kind.key_type): _valid(kind.value_type)}


@_valid.register
def _(kind: inspect.UnionType) -> Any:
    return _valid(_first_real(kind.types))


@_valid.register
def _(kind: inspect.StructType) -> dict[str, Any]:
    return {field.encode_name: _valid(field.type) for field in kind.fields}


@_valid.register
def _valid_text(kind: inspect.StrType) -> str:
    """Try what is usual until one fits the pattern and the bounds."""
    for text in _USUAL_TEXTS:
        try:
            msgspec.convert(text, _annotated(kind))
        except msgspec.ValidationError:
            continue
        return text
    raise TypeError(f"no valid text known for {kind}")


def _annotated(kind: inspect.StrType) -> Any:
    return Annotated[
        str, msgspec.Meta(pattern=kind.pattern, min_length=kind.min_length, max_length=kind.max_length)
    ]


def _first_real(types: tuple[Tree, ...]) -> Tree:
    return next(each for each in types if not isinstance(each, inspect.NoneType))


def _bad_values(kind: Tree) -> Iterator[Bad]:
    """Yield what the type must refuse."""
    if isinstance(kind, inspect.UnionType):
        is_nullable = any(isinstance(each, inspect.NoneType) for each in kind.types)
        bad_values = _bad_values(_first_real(kind.types))
        yield from (bad for bad in bad_values if not (is_nullable and bad[1] is None))
        return
    yield from _bad_of_its_kind(kind)
    others = {
        "text": ("abc", inspect.StrType | inspect.LiteralType),
        "a number": (7, inspect.IntType),
        "a boolean": (True, inspect.BoolType),
        "an object": ({}, inspect.DictType | inspect.StructType),
        "null": (None, inspect.NoneType),
    }
    yield from ((label, value, "") for label, (value, own) in others.items() if not isinstance(kind, own))


@singledispatch
def _bad_of_its_kind(kind: Tree) -> Iterator[Bad]:
    """Yield what has the right JSON type, or nearly, and yet a wrong value."""
    return iter(())


@_bad_of_its_kind.register
def _(kind: inspect.LiteralType) -> Iterator[Bad]:
    yield "not among the choices", "owner; DROP TABLE", ""


@_bad_of_its_kind.register
def _(kind: inspect.DictType) -> Iterator[Bad]:
    for label, bad, _ in _bad_texts(kind.key_type):
        if isinstance(bad, str):
            yield f"with as a key {label}", {bad: {}}, ""
    yield "with a bad value", {_valid(kind.key_type): 7}, "[...]"


@_bad_of_its_kind.register
def _(kind: inspect.StructType) -> Iterator[Bad]:
    for name, field_kind in _fields(kind.cls):
        for label, bad, below in _bad_values(field_kind):
            yield f"with {name} {label}", {name: bad}, f".{name}{below}"
    if kind.cls not in MADE_BY_BROWSERS:
        # Whole apart from it: else what is missing may be named first.
        yield "with an unknown field", {**_valid(kind), "role_": "owner"}, ".role_"


@_bad_of_its_kind.register
def _bad_texts(kind: inspect.StrType) -> Iterator[Bad]:
    yield "a lone surrogate", "abcdefgh \ud800", ""
    yield "a list", ["x"], ""
    if kind.max_length is not None:
        yield "too long", "a" * (kind.max_length + 1), ""
    if kind.min_length:
        yield "too short", "a" * (kind.min_length - 1), ""
    if kind.pattern and "0-9a-f]{8}" in kind.pattern:
        yield from ((f"the id {bad!r}", bad, "") for bad in BAD_IDS)
    elif kind.pattern:
        yield "NUL", "abc\x00def", ""
        yield "an escape character", "abc\x1b[2Jdef", ""
        yield "a carriage return", "abc\r\ndef", ""


@_bad_of_its_kind.register
def _bad_numbers(kind: inspect.IntType) -> Iterator[Bad]:
    yield "a fraction", 1.5, ""
    yield "huge", 10**40, ""
    if kind.ge is not None:
        yield "too small", kind.ge - 1, ""
    if kind.le is not None:
        yield "too large", kind.le + 1, ""


@_bad_of_its_kind.register
def _bad_lists(kind: inspect.ListType) -> Iterator[Bad]:
    if kind.max_length != 0:
        yield from (
            (f"with {label}", [bad], f"[0]{below}") for label, bad, below in _bad_values(kind.item_type)
        )
    if kind.min_length:
        yield "empty", [], ""
    if kind.max_length is not None:
        yield "too many", [_valid(kind.item_type)] * (kind.max_length + 1), ""
