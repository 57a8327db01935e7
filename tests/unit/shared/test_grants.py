"""Grants: for every command, what tokens of each kind may do with it."""

import msgspec
import pytest

from shared.contracts.errors import ErrorCode
from shared.contracts.registry import Command, Effect, TokenUse, find_command, iter_commands
from shared.errors import ChatError
from shared.grants import Grant, read_scopes
from shared.ids import new_id
from tests.hostile import make_valid

COMMANDS = list(iter_commands())
every_command = pytest.mark.parametrize("each", COMMANDS, ids=[each.name for each in COMMANDS])
ROOM_ID = str(make_valid(next(each for each in COMMANDS if each.name == "rooms.get"))["room_id"])
# Declared by hand a second time: whoever opens or closes a command to tokens says so here, too.
FOR_ANY_ROOMS = {"rooms.focus", "sync", "users.get", "users.me"}
READ_WITHOUT_GET = {"invites.preview", "presence.unwatch", "presence.watch", "rooms.focus", "sync"}
OF_AUTH_AND_OPEN = {"users.get", "users.me", "users.search", "users.update_me"}


def may(grant: Grant, command: Command) -> bool:
    request = msgspec.convert(make_valid(command), command.request)
    try:
        grant.check(command, request)
    except ChatError as exc:
        refused = exc
    else:
        return True
    assert (refused.code, refused.body.details) == (ErrorCode.FORBIDDEN, {"reason": "scope"})
    return False


@every_command
def test_a_command_is_open_to_tokens_as_it_is_classified(each):
    is_closed = each.tokens is TokenUse.NEVER
    is_reading = each.effect is Effect.READ
    assert may(read_scopes("", ["read", "write"]), each) is not is_closed
    assert may(read_scopes("", ["read"]), each) is (is_reading and not is_closed)
    assert may(read_scopes("", ["write"]), each) is (not is_reading and not is_closed)
    assert not may(read_scopes("", []), each)
    assert not may(read_scopes("", ["rooms:" + ROOM_ID]), each)


@every_command
def test_a_token_for_certain_rooms_does_nothing_elsewhere(each):
    names_room = "room_id" in make_valid(each)
    in_it = read_scopes("", ["read", "write", "rooms:" + ROOM_ID])
    elsewhere = read_scopes("", ["read", "write", "rooms:" + new_id()])
    assert may(elsewhere, each) is (each.name in FOR_ANY_ROOMS)
    assert may(in_it, each) is (
        each.name in FOR_ANY_ROOMS or (names_room and each.tokens is TokenUse.COVERED)
    )


@every_command
def test_what_the_classification_is_derived_from(each):
    noun = each.name.partition(".")[0]
    if noun in {"auth", "admin", "bots", "tokens", "factors"}:
        assert each.tokens is TokenUse.NEVER
    if each.service == "auth" and each.name not in OF_AUTH_AND_OPEN:
        assert each.tokens is TokenUse.NEVER
    is_get = each.http is not None and each.http.method == "GET"
    assert (each.effect is Effect.READ) is (is_get or each.name in READ_WITHOUT_GET)
    assert (each.tokens is TokenUse.ANY) is (each.name in FOR_ANY_ROOMS)


def test_an_optional_room_that_is_not_named_needs_a_token_for_all_rooms():
    search = find_command("messages.search")
    assert search is not None
    grant = read_scopes("", ["read", "rooms:" + ROOM_ID])
    assert not may(grant, search)
    grant.check(search, msgspec.convert({"room_id": ROOM_ID}, search.request))


def test_a_scope_that_is_not_known_allows_nothing():
    assert read_scopes("", ["admin", "read:all", "rooms"]) == Grant(
        "", can_read=False, can_write=False, room_ids=None
    )
