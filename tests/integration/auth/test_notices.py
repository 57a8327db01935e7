"""Whatever changes how an account is signed in to is told of at its address (OWASP ASVS 5.0, 6.3.7)."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.mail.texts import Texts
from shared.contracts import bots, emails, factors, proving, tokens
from shared.contracts.entities import Empty
from shared.tokens import Claims
from tests.authenticator import Authenticator
from tests.integration.auth.client import Client
from tests.integration.auth.factors import Owner, add_passkey, give_password, register_with_totp
from tests.integration.auth.mailbox import Mailbox, read_text

CHANGED = "How you sign in has changed"
USED = "A recovery code was used"
TOKEN = "A new API token"


async def verify_address(client: Client, mailbox: Mailbox, claims: Claims, address: str) -> None:
    """Give an account an address that is known to be its owner's."""
    await client.ask(emails.change_email, emails.ChangeEmail(address), claims)
    await client.ask(emails.verify_email, emails.VerifyEmail(await mailbox.wait_token(address)))


async def register_with_address(client: Client, mailbox: Mailbox, address: str) -> tuple[str, Claims]:
    signed_in, claims = await client.register_claims()
    await verify_address(client, mailbox, claims, address)
    return signed_in.user.username, claims


async def register_told(client: Client, mailbox: Mailbox, engine: AsyncEngine, address: str) -> Owner:
    """Somebody with TOTP, who is told of what comes afterwards."""
    owner = await register_with_totp(client, engine)
    await verify_address(client, mailbox, owner.claims, address)
    return owner


async def test_each_change_of_factors_is_told(mailing: Client, mailbox: Mailbox, engine: AsyncEngine):
    address = "factors@mail.example"
    owner = await register_told(mailing, mailbox, engine, address)
    passkey = await add_passkey(mailing, owner.claims, Authenticator())
    for command, asked in (
        (factors.remove_passkey, factors.RemovePasskey(passkey.id)),
        (factors.renew_recovery_codes, Empty()),
        (factors.remove_totp, Empty()),
    ):
        await mailing.ask(command, asked, owner.claims)
    await mailbox.wait(address, CHANGED, count=4)
    told = "\n".join(map(read_text, mailbox.find(address, CHANGED)))
    for part in ("passkey was added", "passkey was removed", "New recovery codes", "asked for no longer"):
        assert part in told
    assert owner.username in told
    assert "Was this not you?" in told


async def test_that_totp_was_turned_on_is_told(mailing: Client, mailbox: Mailbox, engine: AsyncEngine):
    address = "totp@mail.example"
    owner = await register_told(mailing, mailbox, engine, address)
    await mailing.ask(factors.remove_totp, Empty(), owner.claims)
    begun = await mailing.ask(factors.begin_totp, Empty(), owner.claims)
    again = Owner(owner.username, owner.claims, begun.secret, [])
    async with engine.connect() as connection:
        now = await connection.scalar(text("SELECT clock_timestamp()"))
    assert now is not None
    await mailing.ask(factors.confirm_totp, factors.ConfirmTotp(again.code(now)), owner.claims)
    await mailbox.wait(address, CHANGED, count=2)
    assert any("asked for from now on" in read_text(each) for each in mailbox.find(address, CHANGED))


async def test_a_recovery_code_that_is_used_is_told_whichever_way_it_is_used(
    mailing: Client, mailbox: Mailbox, engine: AsyncEngine
):
    address = "codes@mail.example"
    owner = await register_told(mailing, mailbox, engine, address)
    login = proving.TotpLogin(await give_password(mailing, owner), owner.recovery_codes[0])
    await mailing.ask(proving.login_totp, login)
    assert "9 are left" in read_text(await mailbox.wait(address, USED))
    await mailing.ask(proving.step_up, proving.StepUp(code=owner.recovery_codes[1]), owner.claims)
    await mailbox.wait(address, USED, count=2)
    assert any("8 are left" in read_text(each) for each in mailbox.find(address, USED))


async def test_an_api_token_is_told_and_is_not_in_the_mail(mailing: Client, mailbox: Mailbox):
    address = "token@mail.example"
    name, claims = await register_with_address(mailing, mailbox, address)
    own = await mailing.ask(tokens.create, tokens.CreateToken("backup <script>", ["read"]), claims)
    notice = read_text(await mailbox.wait(address, TOKEN))
    assert "backup <script>" in notice
    assert f"for the account {name}" in notice
    bot = await mailing.ask(bots.create, bots.CreateBot("tidy", "Tidy"), claims)
    theirs = await mailing.ask(
        bots.create_token, bots.CreateBotToken(bot.id, "cleaning", ["read", "write"]), claims
    )
    await mailbox.wait(address, TOKEN, count=2)
    told = "\n".join(map(read_text, mailbox.find(address, TOKEN)))
    assert f"for a bot of the account {name}" in told
    assert own.token not in told
    assert theirs.token not in told


async def test_the_former_address_is_told_once_another_has_taken_its_place(mailing: Client, mailbox: Mailbox):
    _, claims = await register_with_address(mailing, mailbox, "former@mail.example")
    await verify_address(mailing, mailbox, claims, "present@mail.example")
    notice = read_text(await mailbox.wait("former@mail.example", "Your e-mail address was changed"))
    assert "present@mail.example" not in notice
    assert not mailbox.find("present@mail.example", "Your e-mail address was changed")


async def test_what_is_rolled_back_and_whose_address_is_not_verified_tells_nobody(
    mailing: Client, mailbox: Mailbox
):
    address = "unverified@mail.example"
    _, claims = await mailing.register_claims(email=address)
    await add_passkey(mailing, claims, Authenticator())
    # What is posted later has come: so had this, if it had been posted.
    _, other = await register_with_address(mailing, mailbox, "later@mail.example")
    await mailing.ask(tokens.create, tokens.CreateToken("x", ["read"]), other)
    await mailbox.wait("later@mail.example", TOKEN)
    assert not mailbox.find(address, CHANGED)


@pytest.mark.parametrize("action", ["totp.added", "identity.linked"])
def test_a_change_that_nobody_has_named_yet_has_a_text_too(action: str):
    mail = Texts("https://chat.example.org").factors_changed("ada@mail.example", "ada", action)
    assert "account ada" in mail.paragraphs[0]
    assert "{}" not in mail.paragraphs[0]
