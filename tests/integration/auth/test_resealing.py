"""What is sealed in the database is sealed anew under another secret: in batches, resumed, and told of."""

import os
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import resealing, rotation
from services.auth.keys import Sealer
from services.auth.mail import sealing as mail_sealing
from services.auth.mail.message import Request
from services.auth.mail.sealing import MailSealer
from services.auth.resealing import Resealed, reseal
from services.auth.sealing import SecretSealer
from services.auth.store import mails, sealed
from services.auth.store.sealed import TOTP_SECRETS, WAITING_MAILS, SealedPlace
from services.auth.totp import SEALED_FOR
from shared.bus import Bus
from shared.contracts import proving
from shared.contracts.errors import ErrorCode
from shared.ids import new_id
from tests.integration.auth.audit_log import list_recorded
from tests.integration.auth.client import Client, code_of
from tests.integration.auth.factors import give_password, read_clock, register_with_totp
from tests.integration.auth.service import SECRET, run_auth
from tests.up_process import run_program

OTHER = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI"
OLD_BYTES, NEW_BYTES = (urlsafe_b64decode(each + "=") for each in (SECRET, OTHER))


@pytest.fixture(autouse=True)
async def nothing_waits(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM auth.mails"))


async def leave_mails(engine: AsyncEngine, count: int, secret: bytes = OLD_BYTES) -> None:
    sealer = MailSealer(secret)
    async with engine.begin() as connection:
        for number in range(count):
            mail_id = new_id()
            content = sealer.seal(mail_id, Request("reset", f"{number}@mail.example"))
            await mails.insert_mail(connection, mail_id=mail_id, kind="x", user_id=None, sealed=content)


async def count_opened(engine: AsyncEngine, sealer: MailSealer) -> int:
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT id::text, sealed FROM auth.mails"))).all()
    return sum(sealer.open(mail_id, content) is not None for mail_id, content in rows)


def mail_sealer() -> SecretSealer:
    return SecretSealer(NEW_BYTES, mail_sealing.SEALED_FOR, [OLD_BYTES])


async def test_afterwards_the_previous_secret_is_not_needed_for_totp(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine
):
    client = Client(bus)
    async with run_auth(database_url, nats_url("auth")):
        owner = await register_with_totp(client, engine)
    found = await reseal(engine, TOTP_SECRETS, SecretSealer(NEW_BYTES, SEALED_FOR, [OLD_BYTES]))
    assert found == Resealed(renewed=1, lost=0)
    async with engine.begin() as connection:
        await rotation.reseal(connection, Sealer(NEW_BYTES, [OLD_BYTES]))
    async with run_auth(database_url, nats_url("auth"), secret=OTHER):
        token = await give_password(client, owner)
        by_recovery_code = proving.TotpLogin(token, owner.recovery_codes[0])
        # Of these only a digest is known, under the secret of before: as docs/operations.md says.
        assert await code_of(client.ask(proving.login_totp, by_recovery_code)) is ErrorCode.MFA_FAILED
        by_totp = proving.TotpLogin(token, owner.code(await read_clock(engine), 1))
        assert await code_of(client.ask(proving.login_totp, by_totp)) is None
    [entry] = await list_recorded(engine, "secrets.resealed")
    assert entry.details == {"table": "totp", "count": 1}


async def test_broken_off_half_way_it_goes_on_where_it_was(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(resealing, "BATCH", 3)
    await leave_mails(engine, 10)
    replace, done = sealed.replace, 0

    async def replace_until_killed(
        connection: AsyncConnection, place: SealedPlace, key: str, value: bytes
    ) -> None:
        nonlocal done
        done += 1
        if done == 8:
            raise KeyboardInterrupt
        await replace(connection, place, key, value)

    with monkeypatch.context() as patch:
        patch.setattr(sealed, "replace", replace_until_killed)
        with pytest.raises(KeyboardInterrupt):
            await reseal(engine, WAITING_MAILS, mail_sealer())
    assert await count_opened(engine, MailSealer(NEW_BYTES)) == 6
    assert await count_opened(engine, MailSealer(NEW_BYTES, [OLD_BYTES])) == 10
    assert await reseal(engine, WAITING_MAILS, mail_sealer()) == Resealed(renewed=4, lost=0)
    assert await count_opened(engine, MailSealer(NEW_BYTES)) == 10
    assert await reseal(engine, WAITING_MAILS, mail_sealer()) == Resealed(renewed=0, lost=0)


async def test_what_no_secret_opens_is_left_and_the_operator_is_told(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine
):
    async with engine.begin() as connection:  # whatever the tests before have left them under
        await connection.execute(text("DELETE FROM auth.keys"))
    async with run_auth(database_url, nats_url("auth")):
        pass  # it makes a key
    await leave_mails(engine, 2)
    await leave_mails(engine, 1, b"a secret that was lost ........")
    env = {name: value for name, value in os.environ.items() if not name.startswith("CHATCRAFT_")}
    code, lines = await run_program(
        sys.executable, "-P", "-m", "services.auth.admin", "reseal",
        env=env
        | {
            "CHATCRAFT_DATABASE_URL": database_url,
            "CHATCRAFT_SECRET_KEY": OTHER,
            "CHATCRAFT_AUTH_PREVIOUS_SECRET_KEYS": SECRET,
        },
    )  # fmt: skip
    assert (code, lines) == (
        1,
        [
            "1 key is sealed under CHATCRAFT_SECRET_KEY now.",
            "So are 2 waiting mails that were under one of before.",
            "None of these secrets opens 1 waiting mails; they were left as they are.",
        ],
    )
    assert await count_opened(engine, MailSealer(NEW_BYTES)) == 2
