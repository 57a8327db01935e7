"""The setting of a directory: what is refused at start, in words, and that no password is shown with it."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.auth.settings import AuthSettings
from tests.unit.auth.test_account_settings import REQUIRED

NAMED = {"url": "ldaps://ldap.corp.example", "user_dn": "uid={username},dc=corp"}
SEARCHED = {"url": "ldaps://ldap.corp.example", "base": "dc=corp"}


def read(**directory: Any) -> AuthSettings:
    return AuthSettings(**(REQUIRED | {"auth_ldap": json.dumps(directory)}))


def test_as_it_comes_there_is_none():
    assert AuthSettings(**REQUIRED).directory is None


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("ldaps://ldap.corp.example", 636),
        ("ldap+starttls://ldap.corp.example", 389),
        ("ldaps://ldap.corp.example:1636", 1636),
        ("ldap://127.0.0.1", 389),
    ],
)
def test_a_directory_has_the_usual_port_unless_it_names_one(url: str, port: int):
    directory = read(**(NAMED | {"url": url})).directory
    assert directory is not None
    assert directory.port == port


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (NAMED | {"url": "ldap://ldap.corp.example"}, "passwords do not travel in the clear"),
        (NAMED | {"url": "https://ldap.corp.example"}, "url must be of the kind"),
        (NAMED | {"url": "ldaps://user:hunter2@ldap.corp.example"}, "url must be of the kind"),
        (NAMED | {"url": "ldaps://ldap.corp.example:x"}, "url must be of the kind"),
        (NAMED | {"base": "dc=corp"}, "either user_dn, to bind to, or base"),
        ({"url": "ldaps://ldap.corp.example"}, "either user_dn, to bind to, or base"),
        (NAMED | {"user_dn": "uid=x"}, "user_dn must hold {username}"),
        (SEARCHED | {"filter": "(uid=*)"}, "filter must hold {username}"),
        (SEARCHED | {"search_password": "hunter2"}, "go together"),
        (NAMED | {"admin_group": "x"}, "unknown field `admin_group`"),
        (NAMED | {"admin_groups": "x"}, r"Expected `array`, got `str` - at `$.admin_groups`"),
    ],
    ids=[
        "no TLS", "no LDAP", "a user", "no port", "both ways", "no way", "no place for the name",
        "no place in the filter", "half an account", "an unknown field", "no list",
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(given: dict[str, Any], problem: str):
    with pytest.raises(ValidationError) as refused:
        read(**given)
    [error] = refused.value.errors()
    assert error["loc"] == ("auth_ldap",)
    assert problem in error["msg"]
    assert "hunter2" not in error["msg"]


def test_what_is_no_json_is_said():
    with pytest.raises(ValidationError, match="must be a JSON object"):
        AuthSettings(**(REQUIRED | {"auth_ldap": "ldaps://x"}))
