"""Passwords: changed by who knows the present one, set anew by a mailed link by who forgot it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.mail.sender import TASK
from services.auth.passwords import Passwords
from shared.contracts import auth, emails, passwords
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.tokens import Claims
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.mailbox import Mailbox, read_text

NEW = "quite another pass phrase"


async def register_verified(client: Client, mailbox: Mailbox, email: str) -> tuple[auth.SignedIn, Claims]:
    registered, claims = await client.register_claims(email=email)
    token = await mailbox.wait_token(email)
    await client.ask(emails.verify_email, emails.VerifyEmail(token))
    return registered, claims


async def request_reset(client: Client, email: str) -> Empty:
    return await client.ask(passwords.request_reset, passwords.RequestReset(email))


async def reset(client: Client, token: str, password: str = NEW) -> Empty:
    return await client.ask(passwords.reset_password, passwords.ResetPassword(token, password))


async def change(client: Client, claims: Claims, current: str = PASSWORD, new: str = NEW) -> Empty:
    return await client.ask(passwords.change_password, passwords.ChangePassword(current, new), claims)


async def wait_reset_token(client: Client, mailbox: Mailbox, email: str) -> str:
    await request_reset(client, email)
    return await mailbox.wait_token(email, "Choose a new password")


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is done from now on: each statement, and each password that is hashed or verified."""
    done: list[str] = []

    def on_statement(
        _connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool
    ) -> None:
        # Background tasks, and what sends mails, are not part of an answer.
        task = asyncio.current_task()
        if task is not None and task.get_name() != TASK and "Background." not in repr(task.get_coro()):
            done.append(statement)

    def count(name: str) -> None:
        original = getattr(Passwords, name)

        async def counted(self: Passwords, *arguments: Any) -> Any:
            done.append(name)
            return await original(self, *arguments)

        monkeypatch.setattr(Passwords, name, counted)

    count("hash")
    count("verify")
    event.listen(Engine, "before_cursor_execute", on_statement)
    yield done
    event.remove(Engine, "before_cursor_execute", on_statement)


async def test_a_forgotten_password_is_set_anew_by_a_link_and_every_login_ends(
    mailing: Client, mailbox: Mailbox
):
    registered, claims = await register_verified(mailing, mailbox, "forgot@mail.example")
    before = (await mailing.revocations()).rev
    token = await wait_reset_token(mailing, mailbox, "forgot@mail.example")
    assert registered.user.username in read_text(mailbox.find("forgot@mail.example")[-1])
    await reset(mailing, token)

    assert await code_of(mailing.refresh(registered.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(mailing.login(registered.user.username)) is ErrorCode.UNAUTHENTICATED
    assert (await mailing.login(registered.user.username, NEW)).user.id == claims.user_id
    assert [(row.kind, row.id) for row in (await mailing.revocations(before)).rows] == [
        ("user", claims.user_id)
    ]
    assert await mailbox.wait("forgot@mail.example", "was changed")
    assert await code_of(reset(mailing, token)) is ErrorCode.FORBIDDEN


async def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(
    mailing: Client, mailbox: Mailbox, work: list[str]
):
    await register_verified(mailing, mailbox, "known@mail.example")
    await mailing.register(email="unverified@mail.example")
    done, answers = [], []
    for address in ("known@mail.example", "unknown@mail.example", "unverified@mail.example"):
        work.clear()
        answers.append(await request_reset(mailing, address))
        done.append(list(work))
    assert answers == [Empty()] * 3
    assert done[0] == done[1] == done[2]
    assert any("INSERT INTO auth.mails" in statement for statement in done[0])
    assert not any("auth.users" in statement for statement in done[0])
    await mailbox.wait("known@mail.example", "Choose a new password")
    assert not mailbox.find("unknown@mail.example")
    assert not mailbox.find("unverified@mail.example", "Choose a new password")


async def test_one_link_used_by_50_at_once_sets_one_password(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    registered, claims = await register_verified(mailing, mailbox, "fifty@mail.example")
    token = await wait_reset_token(mailing, mailbox, "fifty@mail.example")
    tries = [f"pass phrase number {number}" for number in range(50)]
    codes = await asyncio.gather(*(code_of(reset(mailing, token, each)) for each in tries))
    assert codes.count(None) == 1
    assert set(codes) == {None, ErrorCode.FORBIDDEN}
    assert await code_of(mailing.login(registered.user.username, tries[codes.index(None)])) is None
    async with engine.connect() as connection:
        deeds = text(
            "SELECT count(*) FROM auth.audit_log WHERE action = 'password.reset' AND subject_id = :id"
        )
        assert await connection.scalar(deeds, {"id": claims.user_id}) == 1


async def test_a_link_is_too_old_after_30_minutes_and_only_its_hash_is_stored(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    _, claims = await register_verified(mailing, mailbox, "late@mail.example")
    token = await wait_reset_token(mailing, mailbox, "late@mail.example")
    async with engine.begin() as connection:
        row = (
            await connection.execute(
                text(
                    "SELECT hash, expires_at - now() < interval '30 min', "
                    "expires_at - now() > interval '29 min' FROM auth.email_links "
                    "WHERE user_id = :id AND purpose = 'reset'"
                ),
                {"id": claims.user_id},
            )
        ).one()
        assert (len(row[0]), row[1], row[2]) == (32, True, True)
        assert token.encode() not in row[0]
        await connection.execute(
            text("UPDATE auth.email_links SET expires_at = expires_at - interval '30 min'")
        )
    assert await code_of(reset(mailing, token)) is ErrorCode.FORBIDDEN


async def test_a_weak_password_is_refused_and_does_not_use_the_link_up(mailing: Client, mailbox: Mailbox):
    await register_verified(mailing, mailbox, "weak@mail.example")
    token = await wait_reset_token(mailing, mailbox, "weak@mail.example")
    assert await code_of(reset(mailing, token, "password123")) is ErrorCode.INVALID_INPUT
    assert await code_of(reset(mailing, token)) is None


async def test_the_link_of_one_purpose_is_no_good_for_another(mailing: Client, mailbox: Mailbox):
    await mailing.register(email="mixed@mail.example")
    verification = await mailbox.wait_token("mixed@mail.example")
    assert await code_of(reset(mailing, verification)) is ErrorCode.FORBIDDEN
    await mailing.ask(emails.verify_email, emails.VerifyEmail(verification))
    token = await wait_reset_token(mailing, mailbox, "mixed@mail.example")
    used = mailing.ask(emails.verify_email, emails.VerifyEmail(token))
    assert await code_of(used) is ErrorCode.FORBIDDEN


async def test_a_link_to_an_address_that_was_given_up_is_void(mailing: Client, mailbox: Mailbox):
    _, claims = await register_verified(mailing, mailbox, "given.up@mail.example")
    token = await wait_reset_token(mailing, mailbox, "given.up@mail.example")
    await mailing.ask(emails.change_email, emails.ChangeEmail("taken.up@mail.example"), claims)
    verification = await mailbox.wait_token("taken.up@mail.example")
    await mailing.ask(emails.verify_email, emails.VerifyEmail(verification))
    assert await code_of(reset(mailing, token)) is ErrorCode.FORBIDDEN


async def test_a_change_ends_all_other_logins_and_keeps_this_one(mailing: Client, mailbox: Mailbox):
    registered, claims = await register_verified(mailing, mailbox, "changes@mail.example")
    others = [await mailing.login(registered.user.username) for _ in range(2)]
    other_ids = {(await mailing.verify(each.tokens)).login_id for each in others}
    before = (await mailing.revocations()).rev
    await change(mailing, claims)

    rows = (await mailing.revocations(before)).rows
    assert {row.kind for row in rows} == {"login"}
    assert {row.id for row in rows} == other_ids
    for each in others:
        assert await code_of(mailing.refresh(each.tokens.refresh_token)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(mailing.refresh(registered.tokens.refresh_token)) is None
    assert await code_of(mailing.login(registered.user.username)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(mailing.login(registered.user.username, NEW)) is None
    assert await mailbox.wait("changes@mail.example", "was changed")


async def test_a_change_voids_links_that_would_set_another_password(mailing: Client, mailbox: Mailbox):
    _, claims = await register_verified(mailing, mailbox, "voids@mail.example")
    token = await wait_reset_token(mailing, mailbox, "voids@mail.example")
    await change(mailing, claims)
    assert await code_of(reset(mailing, token)) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("not it at all", NEW, "current_password"), (PASSWORD, "password123", "new_password")],
)
async def test_a_change_with_a_wrong_or_a_weak_password_names_the_field(
    mailing: Client, current: str, new: str, field: str
):
    registered, claims = await mailing.register_claims()
    with pytest.raises(ChatError) as refused:
        await change(mailing, claims, current, new)
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert refused.value.body.details["fields"][0]["path"] == field
    assert await code_of(mailing.login(registered.user.username)) is None


async def test_a_login_left_open_is_not_enough_for_a_change(mailing: Client, engine: AsyncEngine):
    _, claims = await mailing.register_claims()
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.logins SET created_at = now() - interval '11 min' WHERE id = :id"),
            {"id": claims.login_id},
        )
    with pytest.raises(ChatError) as refused:
        await change(mailing, claims)
    assert refused.value.body.details == {"reason": "step_up", "methods": ["password"]}


async def test_of_many_changes_at_once_one_succeeds(mailing: Client):
    registered, claims = await mailing.register_claims()
    tries = [f"pass phrase number {number}" for number in range(8)]
    codes = await asyncio.gather(*(code_of(change(mailing, claims, new=each)) for each in tries))
    assert codes.count(None) == 1
    assert set(codes) <= {None, ErrorCode.CONFLICT, ErrorCode.INVALID_INPUT}
    assert await code_of(mailing.login(registered.user.username, tries[codes.index(None)])) is None
