"""Terms and a minimum age: accepted when registering, listed with their time, due again when they rise."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.bus import Bus
from shared.contracts import consents
from shared.contracts.consents import AcceptConsent, Consents, DueConsent
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.tokens import Claims
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.service import run_auth

URL = "https://chat.example.org/terms"
SETTINGS = {"auth_terms_version": "2026-01", "auth_terms_url": URL, "auth_minimum_age": 16}


async def list_consents(client: Client, claims: Claims) -> Consents:
    return await client.ask(consents.list_consents, Empty(), claims)


async def test_who_registers_accepts_what_is_in_force(
    database_url: str, nats_url: Callable[[str], str], bus: Bus
):
    async with run_auth(database_url, nats_url("auth"), **SETTINGS):
        client = Client(bus)
        _, claims = await client.register_claims(accepts_terms="2026-01", is_old_enough=True)
        listed = await list_consents(client, claims)
    assert {(each.kind, each.version) for each in listed.consents} == {("terms", "2026-01"), ("age", "16")}
    assert all(each.accepted_at.endswith("Z") for each in listed.consents)
    assert listed.due == []


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"is_old_enough": True}, "accepts_terms"),
        ({"is_old_enough": True, "accepts_terms": "2025-12"}, "accepts_terms"),
        ({"accepts_terms": "2026-01"}, "is_old_enough"),
    ],
)
async def test_who_does_not_is_told_which_field_it_is(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, fields: dict[str, Any], path: str
):
    async with run_auth(database_url, nats_url("auth"), **SETTINGS):
        with pytest.raises(ChatError) as refused:
            await Client(bus).register(**fields)
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert refused.value.body.details["fields"][0]["path"] == path


async def test_a_newer_version_is_due_until_it_is_accepted(
    database_url: str, nats_url: Callable[[str], str], bus: Bus
):
    async with run_auth(database_url, nats_url("auth"), **SETTINGS):
        client = Client(bus)
        _, claims = await client.register_claims(accepts_terms="2026-01", is_old_enough=True)
    async with run_auth(database_url, nats_url("auth"), **(SETTINGS | {"auth_terms_version": "2026-02"})):
        assert (await list_consents(client, claims)).due == [DueConsent("terms", "2026-02", URL)]
        old = client.ask(consents.accept, AcceptConsent("terms", "2026-01"), claims)
        assert await code_of(old) is ErrorCode.CONFLICT
        accepted = await client.ask(consents.accept, AcceptConsent("terms", "2026-02"), claims)
        again = await client.ask(consents.accept, AcceptConsent("terms", "2026-02"), claims)
    assert accepted.due == []
    assert [each.version for each in accepted.consents if each.kind == "terms"] == ["2026-02", "2026-01"]
    assert again == accepted


async def test_as_it_comes_nothing_is_asked_and_nothing_is_due(client: Client):
    _, claims = await client.register_claims()
    assert await list_consents(client, claims) == Consents([], [])
