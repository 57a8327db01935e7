"""Errors: one shape on every door, and words that a person understands."""

import msgspec
import pytest

from shared.contracts.errors import STATUS, ErrorCode
from shared.contracts.fields import PROBLEMS
from shared.contracts.registry import find_command
from shared.contracts.validation import decode_request
from shared.errors import ChatError, conflict, forbidden, invalid, not_found, unavailable
from shared.ids import new_id


def test_an_error_travels_with_all_its_keys():
    sent = msgspec.json.decode(not_found("room").encode())
    assert sent == {
        "error": {"code": "not_found", "message": "room not found", "retry_after_ms": None, "details": {}}
    }


@pytest.mark.parametrize("code", list(ErrorCode))
def test_an_error_comes_out_as_it_went_in(code):
    error = ChatError(code, "why", retry_after_ms=7, details={"trace_id": "x"})
    again = ChatError.decode(error.encode())
    assert again.body == error.body
    assert again.status == STATUS[code]


@pytest.mark.parametrize(
    ("error", "status", "is_retryable"),
    [
        (invalid("seq", "is above the last"), 422, False),
        (not_found("room"), 404, False),
        (forbidden("moderators only"), 403, False),
        (conflict("taken"), 409, False),
        (unavailable("the database does not answer"), 503, True),
    ],
)
def test_each_kind_has_its_status_and_says_whether_to_retry(error, status, is_retryable):
    assert (error.status, error.is_retryable) == (status, is_retryable)


ROOM_ID = new_id()
NO_ID = "must be a UUID in lower case"
NO_LINE = "must have a visible character and no control characters"
ONE_ANCHOR = "give at most one of before_seq, after_seq and around_seq"


def explain(name: str, request: dict[str, object]) -> tuple[str, str]:
    """Return path and problem of a refused request."""
    command = find_command(name)
    assert command is not None
    with pytest.raises(ChatError) as refused:
        decode_request(command, msgspec.json.encode(request))
    [field] = refused.value.body.details["fields"]
    return field["path"], field["problem"]


@pytest.mark.parametrize(
    ("name", "request_", "path", "problem"),
    [
        ("rooms.get", {}, "room_id", "is required"),
        ("rooms.get", {"room_id": new_id(), "x": 1}, "x", "is not a field of this command"),
        ("rooms.get", {"room_id": "x"}, "room_id", NO_ID),
        ("rooms.get", {"room_id": 7}, "room_id", "must be str, got int"),
        ("rooms.create", {"kind": "dm", "name": "x"}, "kind", "Invalid enum value 'dm'"),
        ("rooms.create", {"kind": "public", "name": "a\nb"}, "name", NO_LINE),
        ("rooms.create", {"kind": "public", "name": "\u200b "}, "name", NO_LINE),
        ("members.add", {"room_id": ROOM_ID, "user_ids": [ROOM_ID, "x"]}, "user_ids[1]", NO_ID),
        ("messages.list", {"room_id": ROOM_ID, "limit": 101}, "limit", "must be int <= 100"),
        ("messages.list", {"room_id": ROOM_ID, "before_seq": 1, "after_seq": 1}, "", ONE_ANCHOR),
        ("sync", {"rooms": {"x": {"epoch": 1, "rev": 1}}}, "rooms", NO_ID),
        ("sync", {"rooms": {new_id(): {"epoch": 1, "rev": -1}}}, "rooms[...].rev", "must be int >= 0"),
    ],
)  # fmt: skip
def test_a_refused_field_is_named_and_explained(name, request_, path, problem):
    assert explain(name, request_) == (path, problem)


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\u200b\u2060", "\u00ad", "\x7f", "a\x00", "a\x1b", "a\rb"]
)
def test_text_needs_a_visible_character_and_no_control_characters(text):
    path, problem = explain("messages.send", {"room_id": new_id(), "id": new_id(), "text": text})
    assert (path, problem) == (
        "text",
        "must have a visible character and no control characters but tab and newline",
    )


@pytest.mark.parametrize(
    "text", ["a", "\n\ta\n", "\u200ba", "👩🏽\u200d💻", "\u202eabc", "\u0627", "#\ufe0f\u20e3", "a\x7f\x85"]
)
def test_text_of_any_script_passes(text):
    command = find_command("messages.send")
    assert command is not None
    request = {"room_id": new_id(), "id": new_id(), "text": text}
    assert decode_request(command, msgspec.json.encode(request)).text == text


@pytest.mark.parametrize("password", [" " * 8, "line\nline", "nul\x00in it", "\U0001f984" * 128])
def test_what_may_be_chosen_as_a_password_may_be_given_as_one(password):
    for name, request in [
        ("auth.register", {"username": "ada", "password": password}),
        ("auth.login", {"login": "ada", "password": password}),
        ("auth.step_up", {"password": password}),
        ("auth.change_password", {"current_password": password, "new_password": password}),
    ]:
        command = find_command(name)
        assert command is not None
        assert password in msgspec.structs.astuple(decode_request(command, msgspec.json.encode(request)))


def test_every_pattern_of_a_field_has_its_words():
    assert all(words.startswith(("must", "may", "is")) for words in PROBLEMS.values())
