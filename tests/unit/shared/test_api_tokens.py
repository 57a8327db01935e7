"""API tokens as text: what a scanner finds, what a mistype is told from, what is stored."""

import re

import pytest

from shared.api_tokens import create_token, hash_token, is_well_formed
from shared.ids import new_id


def test_a_token_is_found_by_the_pattern_that_scanners_are_given():
    token = create_token(new_id())
    found = re.search(r"cct_[0-9A-Za-z]{71}", f'CHATCRAFT_TOKEN="{token}"')
    assert found is not None
    assert found[0] == token
    assert is_well_formed(token)


def test_two_tokens_of_one_id_begin_alike_and_are_not_the_same():
    token_id = new_id()
    one, other = create_token(token_id), create_token(token_id)
    assert one[:26] == other[:26]
    assert one != other
    assert hash_token(one) != hash_token(other)
    assert one[:26] != create_token(new_id())[:26]


@pytest.mark.parametrize(
    "token_id", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
)
def test_every_id_gives_a_token_of_one_length(token_id):
    assert len(create_token(token_id)) == 75


def test_a_token_with_one_sign_changed_is_not_well_formed():
    token = create_token(new_id())
    for at in range(len(token)):
        other = "B" if token[at] == "A" else "A"
        assert not is_well_formed(token[:at] + other + token[at + 1 :]), at


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}0", "{}é", "x{}"])
def test_what_has_more_around_it_is_not_well_formed(change):
    assert not is_well_formed(change.format(create_token(new_id())))


@pytest.mark.parametrize(
    "text", ["", "cct_", "cct_" + "0" * 71, "cct_" + "٣" * 71, "eyJhbGciOiJFZERTQSJ9.e30.c2ln"]
)
def test_what_is_no_token_is_not_well_formed(text):
    assert not is_well_formed(text)
