"""The operator's commands as processes of their own, beside a service that runs: `services.auth.admin`."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus import subjects
from shared.contracts import auth
from shared.contracts.errors import ErrorCode
from shared.contracts.internal import Revocation
from tests.databases import DatabaseFactory
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.conftest import Admin
from tests.integration.auth.service import SECRET
from tests.wire import WAIT_S


@pytest.fixture
async def hints(client: Client) -> AsyncIterator["asyncio.Queue[Revocation]"]:
    """The hints as a gateway hears them."""
    heard: asyncio.Queue[Revocation] = asyncio.Queue()
    decode = msgspec.json.Decoder(Revocation).decode
    subscription = client.bus.fan_in(
        subjects.REVOKED, lambda _subject, payload: heard.put_nowait(decode(payload))
    )
    await client.bus.flush()
    yield heard
    client.bus.leave(subscription)


def find_password(lines: list[str]) -> str:
    [line] = [line for line in lines if line.startswith("One-time password: ")]
    return line.removeprefix("One-time password: ")


async def test_an_account_is_made_whose_password_is_for_changing(
    client: Client, engine: AsyncEngine, admin: Admin
):
    code, lines = await admin("create-user", "Grace.H", "--display-name", "Grace Hopper", "--admin")
    assert (code, lines[0]) == (0, "grace.h has an account and is an administrator.")
    signed_in = await client.login("grace.h", find_password(lines))
    assert (signed_in.user.display_name, signed_in.user.role) == ("Grace Hopper", "admin")
    async with engine.connect() as connection:
        left = "SELECT password_expires_at - now() FROM auth.users WHERE id = :id"
        expires = await connection.scalar(text(left), {"id": signed_in.user.id})
    assert expires is not None
    assert 71 * 3_600 < expires.total_seconds() <= 72 * 3_600
    [entry] = await list_recorded(engine, "user.created", signed_in.user.id)
    assert (entry.actor_id, entry.details) == (None, {"by": "command line", "role": "admin"})
    assert find_password(lines) not in str(await list_recorded(engine))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create-user", "no spaces"), "username: may hold only letters, digits, '.', '_' and '-'"),
        (("create-user", "ab"), "username: must be str of length >= 3"),
        (("create-user", "fine.name", "--email", "nonsense"), "email: must be an e-mail address"),
        (("promote", "nobody.here"), "there is no user 'nobody.here'"),
        (("end-logins", "00000000-0000-7000-8000-000000000000"), "there is no user"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_line(admin: Admin, arguments: tuple[str, ...], said: str):
    code, lines = await admin(*arguments)
    assert (code, len(lines)) == (1, 1)
    assert said in lines[0]


async def test_a_bot_gets_neither_a_role_nor_a_password(client: Client, engine: AsyncEngine, admin: Admin):
    bot = (await client.register(username="helpful.bot")).user
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.users SET role = 'bot' WHERE id = :id"), {"id": bot.id})
    for command in ("promote", "demote", "reset-factors"):
        code, [line] = await admin(command, "helpful.bot")
        assert (code, line.startswith("helpful.bot is a bot")) == (1, True)
    assert not [each for each in await list_recorded(engine, about=bot.id) if each.action != "login.begun"]


async def test_a_name_that_is_taken_is_said_to_be(client: Client, admin: Admin):
    await client.register(username="taken.already")
    assert await admin("create-user", "Taken.Already") == (1, ["the user name Taken.Already is taken"])


async def test_roles_are_given_and_taken_by_name_or_id_and_the_last_one_is_warned_of(
    client: Client, engine: AsyncEngine, admin: Admin, hints: "asyncio.Queue[Revocation]"
):
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.users SET role = 'member'"))
    user = (await client.register(username="first.admin")).user
    assert await admin("promote", "@First.Admin") == (0, ["first.admin is an administrator now."])
    assert (await asyncio.wait_for(hints.get(), WAIT_S)).kind == "role"
    assert await admin("promote", user.id) == (0, ["first.admin is an administrator already."])
    code, lines = await admin("demote", "first.admin")
    assert (code, lines[0]) == (0, "first.admin is a member now.")
    assert lines[1] == "There is no administrator now; `chatcraft admin promote NAME` makes one."
    entries = await list_recorded(engine, "user.role_changed", user.id)
    assert [entry.details["role"] for entry in entries] == ["admin", "member"]
    assert {entry.details["by"] for entry in entries} == {"command line"}


async def test_who_is_deactivated_is_out_at_once_and_comes_back(
    client: Client, admin: Admin, hints: "asyncio.Queue[Revocation]"
):
    registered = await client.register(username="in.and.out")
    code, lines = await admin("deactivate", "in.and.out")
    assert (code, lines[0]) == (
        0,
        "in.and.out is deactivated, and signed out everywhere. Nothing was deleted.",
    )
    hint = await asyncio.wait_for(hints.get(), WAIT_S)
    assert (hint.kind, hint.id, hint.deactivated) == ("user", registered.user.id, True)
    assert await code_of(client.login("in.and.out")) is ErrorCode.UNAUTHENTICATED
    assert (await admin("deactivate", "in.and.out"))[1][0] == "in.and.out is deactivated already."
    assert await admin("reactivate", "in.and.out") == (0, ["in.and.out can sign in again."])
    assert await code_of(client.login("in.and.out")) is None
    assert await admin("reactivate", "in.and.out") == (0, ["in.and.out is not deactivated."])


async def test_who_lost_all_ways_in_gets_a_new_one_and_the_old_ones_are_gone(
    client: Client, engine: AsyncEngine, admin: Admin
):
    registered, claims = await client.register_claims(username="forgetful")
    code, lines = await admin("reset-factors", "forgetful")
    assert code == 0
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.login("forgetful", PASSWORD)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.login("forgetful", find_password(lines))) is None
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.users SET password_expires_at = now()"))
    assert await code_of(client.login("forgetful", find_password(lines))) is ErrorCode.UNAUTHENTICATED
    [entry] = await list_recorded(engine, "user.factors_reset", claims.user_id)
    assert entry.details == {"by": "command line", "removed": 0}


async def test_logins_are_shown_and_ended_and_what_a_client_calls_itself_does_not_rule_the_terminal(
    client: Client, admin: Admin, hints: "asyncio.Queue[Revocation]"
):
    registered = await client.register(username="two.places")
    hostile = auth.PasswordLogin("two.places", PASSWORD)
    await client.at("198.51.100.9").ask(auth.login, hostile, agent="Evil\x1b[2J\x9b0m " + "x" * 100)
    code, lines = await admin("list-logins", "two.places")
    assert (code, lines[0]) == (0, "two.places is signed in in 2 places.")
    assert "from 198.51.100.9  Evil?[2J?0m xxx" in lines[1]
    assert "\x1b" not in "".join(lines)
    ended = ["two.places was signed in in 2 places, and is no more."]
    assert await admin("end-logins", "two.places") == (0, ended)
    assert (await asyncio.wait_for(hints.get(), WAIT_S)).id == registered.user.id
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await admin("end-logins", "two.places") == (0, ["two.places was signed in nowhere."])


@pytest.mark.parametrize("url", ["", "nats://auth:secret-word@127.0.0.1:1"])
async def test_without_the_bus_it_is_done_all_the_same_and_said_when_nodes_notice(
    client: Client, admin: Admin, url: str
):
    registered = await client.register()
    code, lines = await admin("end-logins", registered.user.username, CHATCRAFT_NATS_URL=url)
    assert code == 0
    assert lines[-1].startswith("Nodes notice within 5 s")
    assert "secret-word" not in "".join(lines)
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED


async def test_keys_are_rotated_once_until_the_new_one_signs(
    client: Client, engine: AsyncEngine, admin: Admin
):
    code, lines = await admin("rotate-keys")
    assert (code, " is published and signs from " in lines[0]) == (0, True)
    code, lines = await admin("rotate-keys")
    assert (code, " was on its way already" in lines[0]) == (0, True)
    [entry] = await list_recorded(engine, "key.rotated")
    assert entry.details["by"] == "command line"


@pytest.mark.parametrize("secret", ["", "short", "x" * 43])
async def test_a_wrong_secret_is_named_not_shown_and_changes_nothing(
    client: Client, engine: AsyncEngine, admin: Admin, secret: str
):
    async with engine.connect() as connection:
        before = (await connection.execute(text("SELECT * FROM auth.keys ORDER BY id"))).all()
    for command in (("rotate-keys",), ("rotate-keys", "--leaked"), ("reseal",)):
        code, lines = await admin(*command, CHATCRAFT_SECRET_KEY=secret)
        assert (code, len(lines)) == (1, 1)
        assert "CHATCRAFT_SECRET_KEY" in lines[0]
        assert not secret or secret not in lines[0]
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT * FROM auth.keys ORDER BY id"))).all() == before


async def test_keys_are_sealed_under_a_new_secret_and_back(client: Client, admin: Admin):
    other = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI"
    there = {"CHATCRAFT_SECRET_KEY": other, "CHATCRAFT_AUTH_PREVIOUS_SECRET_KEYS": SECRET}
    code, lines = await admin("reseal", **there)
    assert (code, "sealed under CHATCRAFT_SECRET_KEY now" in lines[0]) == (0, True)
    assert (await admin("rotate-keys"))[0] == 1
    assert (await admin("rotate-keys", CHATCRAFT_SECRET_KEY=other))[0] == 0
    assert (await admin("reseal", CHATCRAFT_AUTH_PREVIOUS_SECRET_KEYS=other))[0] == 0
    assert (await admin("rotate-keys"))[0] == 0


async def test_the_audit_log_is_verified_and_the_first_wrong_entry_is_named(
    client: Client, engine: AsyncEngine, admin: Admin
):
    await client.register()
    async with engine.connect() as connection:
        count = await connection.scalar(text("SELECT count(*) FROM auth.audit_log"))
    assert await admin("verify-audit") == (0, [f"{count} entries: nothing is wrong."])
    code, [head] = await admin("verify-audit", "--head")
    assert (code, head.split(":")[0], len(head.split(":")[1])) == (0, str(count), 64)
    await client.register()
    assert (await admin("verify-audit", "--since", head))[0] == 0
    forged = f"{count}:{'0' * 64}"
    code, lines = await admin("verify-audit", "--since", forged)
    assert (code, lines[0]) == (
        1,
        f"Audit log: entry {count} is not the one that was kept: the log was rewritten.",
    )
    trigger = "ALTER TABLE auth.audit_log {} TRIGGER audit_log_is_append_only"
    async with engine.begin() as connection:
        await connection.execute(text(trigger.format("DISABLE")))
        await connection.execute(text("UPDATE auth.audit_log SET address = '192.0.2.9' WHERE number = 2"))
        await connection.execute(text(trigger.format("ENABLE ALWAYS")))
    code, lines = await admin("verify-audit", "--head")
    assert (code, lines[0]) == (1, "Audit log: entry 2 is altered.")
    assert lines[1] == "The first entry is as it was recorded; nothing is proved from there on."


@pytest.mark.parametrize(
    "arguments",
    [(), ("promote",), ("promte", "ada"), ("verify-audit", "--since", "7"), ("rotate-keys", "ada")],
)
async def test_misuse_is_explained_with_exit_code_2(admin: Admin, arguments: tuple[str, ...]):
    code, lines = await admin(*arguments)
    assert code == 2
    assert lines[0].startswith("usage: ")


async def test_a_database_that_is_not_there_or_not_migrated_is_named(
    admin: Admin, databases: DatabaseFactory
):
    code, lines = await admin("verify-audit", CHATCRAFT_DATABASE_URL="")
    assert (code, "CHATCRAFT_DATABASE_URL is not set" in lines[0]) == (1, True)
    gone = "postgresql://a:secret-word@127.0.0.1:1/x"
    code, lines = await admin("verify-audit", CHATCRAFT_DATABASE_URL=gone)
    assert (code, len(lines), lines[0].startswith("PostgreSQL: ")) == (1, 1, True)
    assert "secret-word" not in lines[0]
    code, lines = await admin("verify-audit", CHATCRAFT_DATABASE_URL=await databases.create_empty())
    assert (code, "shared.migrate" in lines[0]) == (1, True)
