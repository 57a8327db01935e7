"""Strict decoding at the public door: bytes in, a struct or a ChatError that names the field out.

Called by every door of the gateway. The fast path is one msgspec decode; all else is for error replies.
"""

import json
import re
from typing import Any, cast

import msgspec
from msgspec import Struct

from shared.contracts.errors import ErrorCode, FieldProblem
from shared.contracts.fields import PROBLEMS
from shared.contracts.registry import Command, Rep, Req
from shared.errors import ChatError, invalid_fields

_AT = re.compile(r"^(?P<problem>.*?)(?: - at (?:`key` in )?`(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)
_PATTERN = re.compile(r"^Expected `str` matching regex (?P<pattern>'.*'|\".*\")$", re.DOTALL)
_NAME_SHOWN_MAX = 64

_decoders: dict[str, msgspec.json.Decoder[Struct]] = {}


def decode_request(command: Command[Req, Rep], raw: bytes | msgspec.Raw) -> Req:
    """Decode the JSON object `raw` as the command's request, refusing unknown fields.

    Raises ChatError `invalid_input` with `details.fields`, or `bad_frame` if it is not JSON.
    """
    decoder = _decoders.get(command.name)
    if decoder is None:
        decoder = _decoders[command.name] = msgspec.json.Decoder(command.strict_request)
    try:
        return cast("Req", decoder.decode(raw))
    except msgspec.ValidationError as exc:
        raise _explain_refused(bytes(raw), exc) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _explain_malformed(bytes(raw)) from exc


def convert_request(command: Command[Req, Rep], fields: dict[str, Any]) -> Req:
    """Build the request from strings (a query and a path); numbers and booleans are read from text."""
    try:
        return msgspec.convert(fields, command.strict_request, strict=False)
    except msgspec.ValidationError as exc:
        raise invalid_fields([explain(exc)]) from exc


def explain(exc: msgspec.ValidationError) -> FieldProblem:
    """Say where and what in words that a person understands."""
    match = _AT.match(str(exc))
    problem, path = (match["problem"], match["path"] or "$") if match else (str(exc), "$")
    path = path.removeprefix("$").removeprefix(".")
    if named := _UNKNOWN.match(problem):
        return FieldProblem(_join(path, named["name"]), "is not a field of this command")
    if named := _MISSING.match(problem):
        return FieldProblem(_join(path, named["name"]), "is required")
    if matched := _PATTERN.match(problem):
        return FieldProblem(path, _describe_pattern(matched["pattern"]))
    return FieldProblem(path, problem.replace("`", "").replace("Expected", "must be", 1))


def _join(path: str, name: str) -> str:
    shown = name[:_NAME_SHOWN_MAX]
    return f"{path}.{shown}" if path else shown


def _describe_pattern(quoted: str) -> str:
    for pattern, words in PROBLEMS.items():
        if repr(pattern) == quoted:
            return words
    return "has characters that are not allowed"


def _explain_refused(raw: bytes, exc: msgspec.ValidationError) -> ChatError:
    """Name the refused field, unless what comes after it shows that this is no JSON at all."""
    try:
        msgspec.json.decode(raw)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _explain_malformed(raw)
    return invalid_fields([explain(exc)])


def _explain_malformed(raw: bytes) -> ChatError:
    """Tell text with lone surrogates (valid JSON, refused here) from what is no JSON at all."""
    try:
        found = _find_surrogate(json.loads(raw), "")
    except (ValueError, RecursionError):
        found = None
    if found is None:
        return ChatError(ErrorCode.BAD_FRAME, "not valid JSON")
    return invalid_fields([FieldProblem(found, "must not have lone surrogates")])


def _find_surrogate(value: Any, path: str) -> str | None:
    match value:
        case str():
            return path if _has_surrogate(value) else None
        case dict() if any(map(_has_surrogate, value)):
            return path
        case dict():
            children = [(f"{path}.{key}" if path else str(key), child) for key, child in value.items()]
        case list():
            children = [(f"{path}[{index}]", child) for index, child in enumerate(value)]
        case _:
            return None
    found = (_find_surrogate(child, child_path) for child_path, child in children)
    return next((each for each in found if each is not None), None)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
