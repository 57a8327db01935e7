"""The registry: what holds for every command, and that no hostile request passes its struct."""

import re
from collections import Counter

import msgspec
import pytest

from shared.contracts.close_codes import CloseCode
from shared.contracts.errors import RETRYABLE, STATUS, ErrorCode
from shared.contracts.events import EVENTS
from shared.contracts.registry import (
    COMMON_ERRORS,
    GET,
    Access,
    Command,
    Door,
    Route,
    command,
    find_command,
    iter_commands,
)
from shared.contracts.validation import convert_request, decode_request
from shared.errors import ChatError
from tests.hostile import HostileCase, make_cases, make_valid

COMMANDS = list(iter_commands())
SERVICES = {"auth", "messages", "presence", "gateway"}
every_command = pytest.mark.parametrize("each", COMMANDS, ids=[each.name for each in COMMANDS])


def test_the_registry_is_filled_by_importing_the_contracts():
    assert {"auth.login", "messages.send", "rooms.create", "sync", "presence.watch"} <= {
        c.name for c in COMMANDS
    }


def test_a_name_is_declared_once():
    taken = COMMANDS[0]
    with pytest.raises(ValueError, match="declared twice"):
        command(taken.name, taken.request, taken.reply, "again", service="auth")
    assert find_command(taken.name) is taken


def test_no_two_commands_have_the_same_route():
    routes = Counter((each.http.method, _shape(each.http)) for each in COMMANDS if each.http)
    assert not [route for route, count in routes.items() if count > 1]


def _shape(route: Route) -> str:
    return re.sub(r"\{\w+\}", "{}", route.path)


@every_command
def test_a_name_is_a_noun_and_a_verb(each: Command):
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+)?", each.name)
    assert each.service in SERVICES
    assert 3 <= len(each.summary) <= 90


@every_command
def test_what_stands_in_the_path_is_a_required_field(each: Command):
    if each.http is None:
        assert Door.REST not in each.doors
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(each.request)}
    assert all(fields[name].required for name in each.http.path_fields)


@every_command
def test_a_command_is_answered_by_somebody(each: Command):
    assert each.doors
    assert each.is_forwarded == (each.service != "gateway")
    assert each.subject == f"rpc.{each.name}"


@every_command
def test_errors_are_listed_once_and_with_those_that_any_command_has(each: Command):
    assert len(set(each.errors)) == len(each.errors)
    assert set(COMMON_ERRORS) <= set(each.errors)
    if each.access is not Access.PUBLIC:
        assert {ErrorCode.UNAUTHENTICATED, ErrorCode.TOKEN_EXPIRED} <= set(each.errors)
    if {"room_id", "message_id"} & set(each.request.__struct_fields__):
        assert ErrorCode.NOT_FOUND in each.errors


@every_command
def test_replies_are_objects_and_none_says_ok_or_error_itself(each: Command):
    assert not {"ok", "error", "ref"} & set(each.reply.__struct_fields__)


def test_every_error_has_a_status_and_retryable_ones_are_errors():
    assert set(STATUS) == set(ErrorCode)
    assert set(ErrorCode) >= RETRYABLE


def test_every_event_is_entered_under_its_own_name():
    assert all(name == event.name for name, event in EVENTS.items())


def test_close_codes_say_by_their_range_whether_to_come_back():
    own = [code for code in CloseCode if code >= 4000]
    assert all(code < 5000 for code in own)
    assert {CloseCode.LOGIN_ENDED, CloseCode.DEACTIVATED} <= {code for code in own if code >= 4500}


@every_command
def test_a_valid_request_passes(each: Command):
    decode_request(each, msgspec.json.encode(make_valid(each)))


@every_command
def test_hostile_requests_are_refused_with_the_field_that_is_wrong(each: Command):
    wrong = [f"{case}: {said}" for case in make_cases(each) if (said := _judge(case)) is not None]
    assert not wrong


def _judge(case: HostileCase) -> str | None:
    """Return what is wrong with the answer to a case, or None."""
    try:
        decode_request(case.command, case.raw)
    except ChatError as exc:
        if case.is_malformed:
            return None if exc.code is ErrorCode.BAD_FRAME else f"{exc.code}, not bad_frame"
        if exc.code is not ErrorCode.INVALID_INPUT:
            return f"{exc.code}, not invalid_input"
        [problem] = exc.body.details["fields"]
        return None if problem["path"] == case.path else f"names {problem['path'][:80]!r}, not {case.path!r}"
    return "accepted"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"room_id": "*"}, "room_id"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "9" * 400}, "limit"),
        ({"before_seq": "-1"}, "before_seq"),
        ({"thread_id": "x\r\ny"}, "thread_id"),
        ({"order": "up"}, "order"),
    ],
)
def test_text_from_a_query_is_as_strictly_checked(fields, path):
    listing = find_command("messages.list")
    assert listing is not None
    valid = make_valid(listing)
    assert convert_request(listing, valid | {"limit": "7"}).limit == 7
    with pytest.raises(ChatError) as refused:
        convert_request(listing, valid | fields)
    assert refused.value.body.details["fields"][0]["path"] == path


def test_a_rest_route_is_written_as_it_reads():
    route = GET("/rooms/{room_id}/messages/{message_id}")
    assert (route.method, route.path_fields) == ("GET", ("room_id", "message_id"))
