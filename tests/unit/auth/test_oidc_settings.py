"""Settings of providers: what is refused at start, in words, and that no secret is shown with it."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.auth.settings import AuthSettings
from tests.unit.auth.test_account_settings import PUBLIC, REQUIRED

CORP = {"id": "corp", "name": "Corp", "issuer": "https://id.corp.example", "client_id": "chat"}


def read(*providers: dict[str, Any], **others: Any) -> AuthSettings:
    given = {"auth_oidc_providers": json.dumps(providers)} | PUBLIC | others
    return AuthSettings(**(REQUIRED | given))


def test_as_it_comes_nobody_signs_in_elsewhere():
    assert AuthSettings(**REQUIRED).oidc_providers == []
    assert AuthSettings(**(REQUIRED | {"auth_oidc_providers": " "})).oidc_providers == []


def test_what_is_left_out_is_usual():
    [provider] = read(CORP).oidc_providers
    assert provider.scopes == ["openid", "email", "profile"]
    assert (provider.client_secret, provider.groups_claim, provider.admin_groups) == (None, "groups", [])
    assert provider.allow_registration


@pytest.mark.parametrize(
    ("provider", "problem"),
    [
        ({"id": "Corp!"}, r"regex .* at `\$\[0\]\.id`"),
        ({"name": ""}, r"at `\$\[0\]\.name`"),
        ({"client_id": ""}, r"at `\$\[0\]\.client_id`"),
        ({"client_secret": 7}, r"at `\$\[0\]\.client_secret`"),
        ({"scope": "openid"}, "unknown field `scope`"),
        ({"scopes": ["email"]}, "provider corp: scopes must hold openid"),
        ({"issuer": "http://id.corp.example"}, "provider corp: issuer must be an https address"),
        ({"issuer": "https://id.corp.example/?a=b"}, "provider corp: issuer must be"),
        ({"issuer": "https://hunter2@id.corp.example/"}, "provider corp: issuer must be"),
        ({"issuer": "https://[::"}, "provider corp: issuer must be"),
        ({"issuer": "id.corp.example"}, "provider corp: issuer must be"),
    ],
    ids=[
        "id", "no name", "no client", "a number as a secret", "an unknown field", "no openid", "no TLS",
        "a query", "a user", "no host", "no scheme",
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_provider_is_said(provider: dict[str, Any], problem: str):
    with pytest.raises(ValidationError, match=problem) as refused:
        read(CORP | {"client_secret": "hunter2"} | provider)
    [error] = refused.value.errors()
    assert error["loc"] == ("auth_oidc_providers",)
    assert "hunter2" not in error["msg"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[{", "must be a JSON list of providers"), ("{}", "a provider is not right: Expected `array`")],
)
def test_what_is_no_list_is_said(text: str, problem: str):
    with pytest.raises(ValidationError, match=problem):
        AuthSettings(**(REQUIRED | PUBLIC | {"auth_oidc_providers": text}))


def test_two_providers_are_told_apart():
    with pytest.raises(ValidationError, match="the same id"):
        read(CORP, CORP | {"issuer": "https://elsewhere.example"})
    with pytest.raises(ValidationError, match="the same issuer"):
        read(CORP, CORP | {"id": "other"})


def test_without_an_address_of_our_own_nobody_could_be_sent_back():
    with pytest.raises(ValidationError, match="CHATCRAFT_AUTH_PUBLIC_URL"):
        read(CORP, auth_public_url="")


@pytest.mark.parametrize("host", ["localhost:9400", "127.0.0.1:9400", "[::1]:9400"])
def test_on_this_machine_a_provider_needs_no_tls(host: str):
    assert read(CORP | {"issuer": f"http://{host}"}).oidc_providers
