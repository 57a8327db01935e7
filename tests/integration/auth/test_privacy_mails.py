"""What is mailed of exports and erasures."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import emails, privacy
from shared.contracts.entities import Empty
from tests.integration.auth.client import Client
from tests.integration.auth.mailbox import DEADLINE_S, Mailbox
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
