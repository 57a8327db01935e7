"""Recovery codes: how they look, how they may be typed, and what is stored of them."""

import re

from services.auth.recovery_codes import COUNT, RecoveryCodes

CODES = RecoveryCodes(bytes(32))


def test_ten_codes_that_nobody_misreads():
    made = CODES.create()
    assert len(set(made)) == COUNT == 10
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{5}(-[0-9a-hjkmnp-tv-z]{5}){4}", code) for code in made)
    assert not set(made) & set(CODES.create())


def test_case_separators_and_lookalikes_do_not_matter():
    stored = CODES.hash("a0b1-c2d3-e4f5-g6h7", "ada")
    for typed in ("A0B1-C2D3-E4F5-G6H7", "a0b1c2d3e4f5g6h7", " aObl c2d3 e4f5 g6h7 ", "aobi-c2d3-e4f5-g6h7"):
        assert CODES.hash(typed, "ada") == stored
    assert CODES.hash("a0b1-c2d3-e4f5-g6h8", "ada") != stored


def test_what_is_stored_depends_on_the_owner_and_on_the_secret():
    code = CODES.create()[0]
    stored = {
        CODES.hash(code, "ada"),
        CODES.hash(code, "bert"),
        RecoveryCodes(b"x" * 32).hash(code, "ada"),
    }
    assert len(stored) == 3


def test_a_code_from_before_the_secret_changed_is_still_found():
    old, new = RecoveryCodes(b"o" * 32), RecoveryCodes(b"n" * 32, [b"o" * 32])
    [code, *_] = old.create()
    assert old.hash(code, "ada") in new.list_hashes(code, "ada")
    assert new.hash(code, "ada") not in old.list_hashes(code, "ada")
