"""The pure rules: refresh chains, names, addresses, cursors."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.auth.domain import (
    REFRESH_GRACE,
    LoginLimits,
    NamePosition,
    RefreshState,
    Verdict,
    fold_name,
    fold_username,
    judge_refresh,
    to_public,
)
from shared.addresses import group_address
from shared.contracts.entities import Me

DAY = timedelta(days=1)
LIMITS = LoginLimits(idle=30 * DAY, absolute=90 * DAY)
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CURSOR_MAX = 512


def state(used_ago: timedelta | None, successor_used_ago: timedelta | None = None) -> RefreshState:
    return RefreshState(
        read_at=NOW,
        login_began_at=NOW - DAY,
        login_used_at=NOW,
        expires_at=NOW + LIMITS.idle,
        used_at=None if used_ago is None else NOW - used_ago,
        successor_hash=None if used_ago is None else b"its hash",
        successor_used_at=None if successor_used_ago is None else NOW - successor_used_ago,
    )


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (state(None), Verdict.ROTATE),
        (state(timedelta(0)), Verdict.REPEAT),
        (state(REFRESH_GRACE), Verdict.REPEAT),
        (state(REFRESH_GRACE + timedelta(microseconds=1)), Verdict.REUSED),
        (state(timedelta(seconds=2), timedelta(seconds=1)), Verdict.REUSED),
        (state(timedelta(days=3), timedelta(days=2)), Verdict.REUSED),
    ],
)
def test_a_refresh_token_is_good_once_and_again_within_the_grace(known: RefreshState, verdict: Verdict):
    assert judge_refresh(known, LIMITS) is verdict


def test_where_the_successor_is_not_to_be_found_there_is_nothing_to_give_again():
    known = structs.replace(state(timedelta(seconds=1)), successor_hash=None)
    assert judge_refresh(known, LIMITS) is Verdict.EXPIRED


def test_an_expired_token_is_only_expired():
    for known in (state(None), state(timedelta(days=1), timedelta(days=1))):
        late = structs.replace(known, read_at=NOW + LIMITS.idle)
        assert judge_refresh(late, LIMITS) is Verdict.EXPIRED


@pytest.mark.parametrize(
    ("began", "used", "is_over"),
    [
        (89 * DAY, DAY, False),
        (90 * DAY, DAY, True),
        (89 * DAY, 29 * DAY, False),
        (89 * DAY, 30 * DAY, True),
    ],
)
def test_a_login_ends_by_the_limits_of_today_whatever_was_promised(
    began: timedelta, used: timedelta, is_over: bool
):
    known = structs.replace(
        state(None), login_began_at=NOW - began, login_used_at=NOW - used, expires_at=NOW + 900 * DAY
    )
    assert (judge_refresh(known, LIMITS) is Verdict.EXPIRED) == is_over


def test_a_login_in_use_moves_its_end_until_it_is_too_old():
    assert LIMITS.find_end(NOW, NOW) == NOW + 30 * DAY
    assert LIMITS.find_end(NOW, NOW + 10 * DAY) == NOW + 40 * DAY
    assert LIMITS.find_end(NOW, NOW + 61 * DAY) == NOW + 90 * DAY


def test_user_names_fold_to_one_spelling():
    assert fold_username("Ada.L-1_x") == "ada.l-1_x"


@pytest.mark.parametrize(
    ("name", "folded"),
    [("ADA", "ada"), ("Straße", "strasse"), ("\uff21\uff44a", "ada"), ("E\u0301lan", "élan"), ("  x ", "x")],
)
def test_names_that_look_alike_fold_alike(name: str, folded: str):
    assert fold_name(name) == folded


@given(st.text(max_size=64))
def test_folding_a_name_again_changes_nothing(name: str):
    once = fold_name(name)
    assert fold_name(once) == once


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_counts_as_its_network(address: str, group: str):
    assert group_address(address) == group


@given(st.text(max_size=64), st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=3, max_size=32))
def test_a_cursor_comes_back_as_it_was_and_keeps_its_bound(name: str, username: str):
    position = NamePosition(fold_name(name), username)
    cursor = position.encode()
    assert NamePosition.decode(cursor) == position
    assert len(cursor) <= CURSOR_MAX


@pytest.mark.parametrize("made_up", ["", "a", "AAAA", base64.urlsafe_b64encode(b"[1,2]").decode(), "é"])
def test_a_made_up_cursor_is_refused(made_up: str):
    with pytest.raises(ValueError):  # noqa: PT011 - the command says which field it was
        NamePosition.decode(made_up)


def test_a_public_profile_lacks_what_is_private():
    me = Me(
        id="1", username="ada", display_name="Ada", role="member", bio="", avatar_file_id=None,
        created_at=None, deactivated=False, email="a@b", email_verified=True, locale="en", timezone=None,
    )  # fmt: skip
    public = to_public(me)
    assert not isinstance(public, Me)
    assert public.username == "ada"
