"""What is taken of a provider's claims: what fits here, and nothing else."""

from typing import Any

import pytest

from services.auth.oidc.flow_secrets import FlowSecrets
from services.auth.oidc.profile import find_claim, misses, read_profile, suggest_username
from services.auth.oidc.settings import ProviderSettings

PLAIN = ProviderSettings("corp", "Corp", "https://id.corp.example", "chat")
GROUPS = ProviderSettings("corp", "Corp", "https://id.corp.example", "chat", admin_groups=["admins"])


def read(settings: ProviderSettings = PLAIN, **claims: Any) -> Any:
    return read_profile({"sub": "1", **claims}, settings)


@pytest.mark.parametrize("subject", [None, "", 7, "x" * 256, "a\nb", ["1"]])
def test_without_a_subject_it_is_nobody(subject: object):
    assert read_profile({"sub": subject}, PLAIN) is None


@pytest.mark.parametrize("email", ["no address", "a@b\nc", "a" * 250 + "@b.example", 7, None])
def test_what_is_no_address_is_none(email: object):
    profile = read(email=email, email_verified=True)
    assert (profile.email, profile.verified_email) == (None, None)


@pytest.mark.parametrize("is_verified", [False, None, "true", "false", 1])
def test_only_true_is_verified(is_verified: object):
    profile = read(email="a@b.example", email_verified=is_verified)
    assert (profile.email, profile.verified_email) == ("a@b.example", None)
    assert read(email="a@b.example", email_verified=True).verified_email == "a@b.example"


@pytest.mark.parametrize(
    ("candidates", "username"),
    [
        (("Ada",), "ada"),
        (("Ada Lovelace",), "ada-lovelace"),
        (("ada@corp.example",), "ada"),
        (("Ądä",), "user"),
        (("x",), "user"),
        ((None, "grace"), "grace"),
        ((7, ""), "user"),
        (("a" * 50,), "a" * 32),
        (("<script>alert(1)</script>",), "script-alert-1-script"),
    ],
)
def test_a_user_name_is_made_of_what_there_is(candidates: tuple[object, ...], username: str):
    assert suggest_username(*candidates) == username


def test_a_name_with_control_characters_is_none():
    assert read(name="Ada\x1b[2J").display_name is None
    assert read(name="Ada").display_name == "Ada"


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["admins"], "admin"), ("admins", "admin"), (["staff"], "member"), (None, "member"),
     ({"admins": 1}, "member"), ([["admins"]], "member"), (["Admins"], "member")],
)  # fmt: skip
def test_groups_decide_the_role_where_they_are_to(groups: object, role: str):
    assert read(GROUPS, groups=groups).role == role
    assert read(PLAIN, groups=groups).role is None


def test_a_claim_is_found_by_its_name_or_by_a_path():
    claims = {"realm_access": {"roles": ["a"]}, "https://corp.example/groups": ["b"]}
    assert find_claim(claims, "realm_access.roles") == ["a"]
    assert find_claim(claims, "https://corp.example/groups") == ["b"]
    assert find_claim(claims, "realm_access.roles.deeper") is None


def test_the_userinfo_endpoint_is_asked_only_for_what_is_missing():
    whole = {"sub": "1", "email": "a@b.example", "email_verified": True, "name": "Ada"}
    assert not misses(whole, PLAIN)
    assert misses(whole, GROUPS)
    assert not misses(whole | {"groups": []}, GROUPS)
    assert misses({"sub": "1"}, PLAIN)


def test_nonce_and_verifier_follow_from_the_binding_and_differ():
    one, other = FlowSecrets.create(), FlowSecrets.create()
    assert len({one.nonce, one.verifier, other.nonce, other.verifier, one.state, one.binding}) == 6
    again = FlowSecrets(one.state, one.binding)
    assert (again.nonce, again.verifier) == (one.nonce, one.verifier)
    assert len(one.verifier) == 43
