"""The puzzle: what is found solves it, for its challenge alone, and no harder one than was asked for."""

import hashlib

import pytest

from shared.proof_of_work import is_solution, solve


@pytest.mark.parametrize("bits", [0, 1, 7, 8, 9, 12])
def test_what_is_found_begins_with_so_many_zero_bits(bits: int):
    solution = solve("a challenge", bits)
    digest = hashlib.sha256(f"a challenge:{solution}".encode()).digest()
    assert f"{int.from_bytes(digest):0256b}".startswith("0" * bits)
    assert is_solution("a challenge", solution, bits)


def test_a_solution_is_for_its_challenge_and_for_no_more_bits_than_it_has():
    solution = solve("a challenge", 12)
    assert not is_solution("another challenge", solution, 12)
    assert not is_solution("a challenge", solution, 64)


def test_the_first_number_is_found_so_that_every_client_finds_the_same():
    # web/test/net/proof_of_work.test.ts has the same.
    assert solve("chatcraft", 12) == "2577"
