"""What is mailed of exports and erasures."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.store import endings
from shared.contracts import admin, emails, privacy
from shared.contracts.entities import Empty
from tests.integration.auth.client import Client
from tests.integration.auth.mailbox import DEADLINE_S, Mailbox, read_text
from tests.integration.auth.oidc import give_email
from tests.integration.auth.others import Others, erase
from tests.wire import eventually


async def test_mails_tell_of_a_ready_export_and_of_an_erasure(
    mailing: Client, others: Others, mailbox: Mailbox, engine: AsyncEngine
):
    _, by = await mailing.register_claims(email="told@mail.example")
    token = await mailbox.wait_token("told@mail.example", "confirm")
    await mailing.ask(emails.verify_email, emails.VerifyEmail(token))
    await mailing.ask(privacy.request_export, Empty(), by)
    await mailbox.wait("told@mail.example", "export is ready")
    await erase(mailing, by)
    await mailbox.wait("told@mail.example", "being erased")

    async def is_sent() -> bool:
        async with engine.connect() as connection:
            return not await connection.scalar(text("SELECT count(*) FROM auth.mails"))

    await eventually(is_sent, DEADLINE_S)


async def test_who_is_erased_by_an_administrator_is_told_that_it_was_one(
    mailing: Client, others: Others, mailbox: Mailbox, engine: AsyncEngine
):
    _, boss = await mailing.register_claims()
    async with engine.begin() as connection:
        await endings.change_role(connection, boss.user_id, "admin")
    _, person = await mailing.register_claims()
    await give_email(engine, person.user_id, "ordered@mail.example")
    await mailing.ask(admin.erase, admin.EraseUser(person.user_id, "erase"), boss)
    told = read_text(await mailbox.wait("ordered@mail.example", "being erased"))
    assert "as an administrator of this server asked" in " ".join(told.split())
