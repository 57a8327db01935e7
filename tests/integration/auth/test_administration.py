"""Commands of administrators: what they do, who may not, and what is recorded of it."""

import asyncio
from itertools import count
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.store import endings
from shared.contracts import admin, auth
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.registry import Access, Command, iter_commands
from shared.errors import ChatError
from shared.ids import new_id
from shared.tokens import Claims
from tests.hostile import make_valid
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of

COMMANDS = [command for command in iter_commands() if command.access is Access.ADMIN]
CHANGES = {
    "admin.set_role", "admin.deactivate", "admin.reactivate", "admin.erase", "admin.end_logins",
    "invitations.create", "invitations.revoke",
}  # fmt: skip
every_command = pytest.mark.parametrize("command", COMMANDS, ids=[each.name for each in COMMANDS])
_numbers = count(1)


def make_request(command: Command, user_id: str) -> Any:
    """Return a valid request about a user."""
    fields = make_valid(command)
    return msgspec.convert(fields | ({"user_id": user_id} if "user_id" in fields else {}), command.request)


async def promote(engine: AsyncEngine, user_id: str) -> None:
    async with engine.begin() as connection:
        await endings.change_role(connection, user_id, "admin")


@pytest.fixture
async def boss(client: Client, engine: AsyncEngine) -> Claims:
    """The one administrator."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE auth.users SET role = 'member' WHERE role = 'admin'"))
    _, claims = await client.register_claims(username=f"boss{next(_numbers)}")
    await promote(engine, claims.user_id)
    return claims


async def age_proof(engine: AsyncEngine, claims: Claims) -> None:
    """Let it be eleven minutes since the owner of the login proved who they are."""
    aged = "UPDATE auth.logins SET created_at = created_at - interval '11 min' WHERE id = :id"
    async with engine.begin() as connection:
        await connection.execute(text(aged), {"id": claims.login_id})


@every_command
async def test_nobody_but_an_administrator_may_and_nothing_is_said_of_who_exists(
    client: Client, engine: AsyncEngine, boss: Claims, command: Command
):
    _, member = await client.register_claims()
    before = await list_recorded(engine)
    for user_id in (boss.user_id, member.user_id, new_id()):
        asked = client.ask(command, make_request(command, user_id), member)
        assert await code_of(asked) is ErrorCode.FORBIDDEN
    assert await list_recorded(engine) == before


@every_command
async def test_the_present_role_counts_not_the_one_that_the_token_was_given(
    client: Client, engine: AsyncEngine, boss: Claims, command: Command
):
    _, other = await client.register_claims()
    claims = msgspec.structs.replace(other, role="admin")
    asked = client.ask(command, make_request(command, boss.user_id), claims)
    assert await code_of(asked) is ErrorCode.FORBIDDEN
    await promote(engine, other.user_id)
    async with engine.begin() as connection:
        await endings.deactivate(connection, other.user_id)
    asked = client.ask(command, make_request(command, boss.user_id), claims)
    assert await code_of(asked) is ErrorCode.FORBIDDEN


@every_command
async def test_what_changes_something_needs_a_fresh_proof_and_a_look_does_not(
    client: Client, engine: AsyncEngine, boss: Claims, command: Command
):
    somebody = await client.register()
    await age_proof(engine, boss)
    work = client.ask(command, make_request(command, somebody.user.id), boss)
    if command.name not in CHANGES:
        assert await code_of(work) is None
        return
    with pytest.raises(ChatError) as refused:
        await work
    assert refused.value.body.details == {"reason": "step_up", "methods": ["password"]}


@every_command
async def test_an_unknown_user_is_not_found(client: Client, boss: Claims, command: Command):
    if "user_id" in command.request.__struct_fields__:
        asked = client.ask(command, make_request(command, new_id()), boss)
        assert await code_of(asked) is ErrorCode.NOT_FOUND


async def test_all_accounts_are_listed_page_by_page_and_by_name_role_and_state(
    client: Client, engine: AsyncEngine, boss: Claims
):
    made = [await client.register(username=f"zork{n}", display_name=f"Zork {n}") for n in range(5)]
    await client.ask(admin.deactivate, admin.UserOf(made[3].user.id), boss)
    await promote(engine, made[4].user.id)

    async def find(**fields: Any) -> list[str]:
        names: list[str] = []
        cursor = None
        while True:
            asked = admin.ListUsers(q="ZORK", limit=2, cursor=cursor, **fields)
            page = await client.ask(admin.list_users, asked, boss)
            assert len(page.users) <= 2
            names += [user.username for user in page.users]
            cursor = page.next_cursor
            if cursor is None:
                return names

    assert await find() == [f"zork{n}" for n in range(5)]
    assert await find(state="deactivated") == ["zork3"]
    assert await find(state="active", role="member") == ["zork0", "zork1", "zork2"]
    assert await find(role="admin") == ["zork4"]
    assert "zork" not in str(await list_recorded(engine, "user.listed"))


async def test_an_account_is_shown_with_what_administrators_need(client: Client, boss: Claims):
    registered = await client.register(email="seen@mail.example")
    await client.login(registered.user.username)
    user = await client.ask(admin.get_user, admin.UserOf(registered.user.id), boss)
    assert (user.email, user.email_verified, user.login_count) == ("seen@mail.example", False, 2)
    assert user.deactivated_at is None
    assert user.last_used_at > user.created_at


@pytest.mark.parametrize("cursor", ["abc", "-1", "1_0", "٣", "9" * 19, "WzEsMl0="])
async def test_a_made_up_cursor_is_refused(client: Client, boss: Claims, cursor: str):
    asked = client.ask(admin.read_audit, admin.ReadAudit(cursor=cursor), boss)
    assert await code_of(asked) is ErrorCode.INVALID_INPUT


async def test_a_role_is_given_and_taken_and_changes_nothing_the_second_time(
    client: Client, engine: AsyncEngine, boss: Claims
):
    registered, claims = await client.register_claims()
    before = (await client.revocations()).rev
    for _ in range(2):
        changed = await client.ask(admin.set_role, admin.SetUserRole(claims.user_id, "admin"), boss)
        assert changed.role == "admin"
    assert await code_of(client.ask(admin.list_users, admin.ListUsers(), claims)) is None
    assert (
        await client.ask(admin.set_role, admin.SetUserRole(claims.user_id, "member"), boss)
    ).role == "member"
    rows = (await client.revocations(before)).rows
    assert [(row.kind, row.id) for row in rows] == [("role", claims.user_id)] * 2
    entries = await list_recorded(engine, "user.role_changed", claims.user_id)
    assert [(entry.actor_id, entry.details) for entry in entries] == [
        (boss.user_id, {"role": "admin"}),
        (boss.user_id, {"role": "member"}),
    ]
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is None


async def test_a_bot_is_made_nothing_else(client: Client, engine: AsyncEngine, boss: Claims):
    bot = await client.register()
    async with engine.begin() as connection:
        await endings.change_role(connection, bot.user.id, "bot")
    asked = client.ask(admin.set_role, admin.SetUserRole(bot.user.id, "admin"), boss)
    assert await code_of(asked) is ErrorCode.CONFLICT


async def test_who_is_deactivated_is_out_and_comes_back_by_signing_in_again(
    client: Client, engine: AsyncEngine, boss: Claims
):
    registered, claims = await client.register_claims()
    for _ in range(2):
        user = await client.ask(admin.deactivate, admin.UserOf(claims.user_id), boss)
        assert user.deactivated
        assert user.deactivated_at is not None
        assert user.login_count == 0
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.login(registered.user.username)) is ErrorCode.UNAUTHENTICATED
    for _ in range(2):
        user = await client.ask(admin.reactivate, admin.UserOf(claims.user_id), boss)
        assert not user.deactivated
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.login(registered.user.username)) is None
    actions = [entry.action for entry in await list_recorded(engine, about=claims.user_id)]
    assert [each for each in actions if each.startswith("user.")] == ["user.deactivated", "user.reactivated"]


async def test_an_administrator_sees_somebodys_logins_and_ends_them_all(
    client: Client, engine: AsyncEngine, boss: Claims
):
    registered, claims = await client.register_claims()
    await client.at("198.51.100.5").login(registered.user.username)
    shown = (await client.ask(admin.list_logins, admin.UserOf(claims.user_id), boss)).logins
    assert [(each.address, each.current) for each in shown] == [
        ("198.51.100.5", False),
        (client.address, False),
    ]
    before = (await client.revocations()).rev
    assert (await client.ask(admin.end_logins, admin.UserOf(claims.user_id), boss)).count == 2
    assert (await client.ask(admin.end_logins, admin.UserOf(claims.user_id), boss)).count == 0
    [row] = (await client.revocations(before)).rows
    assert (row.kind, row.id, row.deactivated) == ("user", claims.user_id, False)
    assert await code_of(client.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(client.login(registered.user.username)) is None
    [entry] = await list_recorded(engine, "login.all_ended", claims.user_id)
    assert (entry.actor_id, entry.details) == (boss.user_id, {"count": 2})


async def test_the_last_administrator_neither_steps_down_nor_goes(
    client: Client, engine: AsyncEngine, boss: Claims
):
    step_down = admin.SetUserRole(boss.user_id, "member")
    _, other = await client.register_claims()
    await promote(engine, other.user_id)
    await client.ask(admin.deactivate, admin.UserOf(other.user_id), boss)  # one who is out does not count
    assert await code_of(client.ask(admin.set_role, step_down, boss)) is ErrorCode.CONFLICT
    assert await code_of(client.ask(admin.deactivate, admin.UserOf(boss.user_id), boss)) is ErrorCode.CONFLICT
    assert await code_of(client.ask(admin.end_logins, admin.UserOf(boss.user_id), boss)) is None


async def test_of_administrators_who_all_step_down_or_demote_each_other_at_once_one_stays(
    client: Client, engine: AsyncEngine, boss: Claims
):
    admins = [boss]
    for _ in range(4):
        _, claims = await client.register_claims()
        await promote(engine, claims.user_id)
        admins.append(claims)
    orders = [(each, each) for each in admins] + list(zip(admins, admins[1:] + admins[:1], strict=True))
    codes = await asyncio.gather(
        *(
            code_of(client.ask(admin.set_role, admin.SetUserRole(other.user_id, "member"), by))
            for by, other in orders
        )
    )
    assert set(codes) <= {None, ErrorCode.CONFLICT, ErrorCode.FORBIDDEN}
    async with engine.connect() as connection:
        left = "SELECT count(*) FROM auth.users WHERE role = 'admin' AND deactivated_at IS NULL"
        assert await connection.scalar(text(left)) == 1


async def test_the_audit_log_is_read_by_who_whom_and_what_page_by_page(
    client: Client, engine: AsyncEngine, boss: Claims
):
    _, claims = await client.register_claims()
    for _ in range(3):
        await client.ask(admin.get_user, admin.UserOf(claims.user_id), boss)
    await client.ask(admin.list_logins, admin.UserOf(claims.user_id), boss)

    async def find(**fields: Any) -> list[admin.AuditEntry]:
        entries: list[admin.AuditEntry] = []
        cursor = None
        while True:
            asked = admin.ReadAudit(limit=2, cursor=cursor, **fields)
            page = await client.ask(admin.read_audit, asked, boss)
            entries += page.entries
            cursor = page.next_cursor
            if cursor is None:
                return entries

    about = await find(subject_id=claims.user_id)
    actions = [entry.action for entry in about]
    assert actions == ["login.listed", "user.viewed", "user.viewed", "user.viewed", "login.begun"]
    assert [entry.number for entry in about] == sorted((entry.number for entry in about), reverse=True)
    assert {entry.actor_id for entry in about} == {boss.user_id, claims.user_id}
    assert (about[0].address, len(about[0].hash)) == (client.address, 64)
    assert len(await find(subject_id=claims.user_id, action="user.viewed")) == 3
    assert len(await find(subject_id=claims.user_id, action="user")) == 3
    assert len(await find(subject_id=claims.user_id, action="log")) == 0
    assert [each.action for each in await find(actor_id=claims.user_id)] == ["login.begun"]


async def test_who_reads_the_audit_log_stands_in_it(client: Client, engine: AsyncEngine, boss: Claims):
    await client.ask(admin.read_audit, admin.ReadAudit(subject_id=boss.user_id, action="login"), boss)
    [entry] = await list_recorded(engine, "audit.read", boss.user_id)
    assert (entry.actor_id, entry.details["filters"]["subject_id"]) == (boss.user_id, boss.user_id)
    [shown, *_] = (await client.ask(admin.read_audit, admin.ReadAudit(action="audit"), boss)).entries
    assert (shown.number, shown.actor_id) == (entry.number, boss.user_id)


async def test_a_password_that_was_given_out_is_none_after_its_time(client: Client, engine: AsyncEngine):
    registered, claims = await client.register_claims()
    expires = "UPDATE auth.users SET password_expires_at = now() + cast(:in AS interval) WHERE id = :id"
    expires = expires.replace(":in", "'1 hour'")
    async with engine.begin() as connection:
        await connection.execute(text(expires), {"id": claims.user_id})
    assert await code_of(client.login(registered.user.username)) is None
    async with engine.begin() as connection:
        await connection.execute(text(expires.replace("1 hour", "0 s")), {"id": claims.user_id})
    assert await code_of(client.login(registered.user.username)) is ErrorCode.UNAUTHENTICATED
    assert (await client.ask(auth.list_logins, Empty(), claims)).logins
