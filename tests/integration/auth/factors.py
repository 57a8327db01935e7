"""What a person does with their factors, in one call each, for the tests beside this file."""

from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import auth, factors, proving
from shared.contracts.entities import Empty
from shared.tokens import Claims
from tests.authenticator import Authenticator
from tests.integration.auth.client import Client


@dataclass
class Owner:
    """Somebody with TOTP, who can look at the codes of any time."""

    username: str
    claims: Claims
    secret: str
    recovery_codes: list[str]

    def code(self, now: datetime, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(now, counter_offset=steps)


async def read_clock(engine: AsyncEngine) -> datetime:
    """The database's time: the one that codes are measured by."""
    async with engine.connect() as connection:
        now: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        return now


async def register_with_totp(client: Client, engine: AsyncEngine) -> Owner:
    """Register, turn TOTP on, and let the code that confirmed it be long ago."""
    signed_in, claims = await client.register_claims()
    begun = await client.ask(factors.begin_totp, Empty(), claims)
    owner = Owner(signed_in.user.username, claims, begun.secret, [])
    confirm = factors.ConfirmTotp(owner.code(await read_clock(engine)))
    owner.recovery_codes = (await client.ask(factors.confirm_totp, confirm, claims)).recovery_codes
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.totp SET last_step = 0 WHERE user_id = :id"), {"id": claims.user_id}
        )
    return owner


async def give_password(client: Client, owner: Owner) -> str:
    """Sign in up to the second factor; return the token for it."""
    reply = await client.login(owner.username)
    assert reply.tokens is None
    assert reply.mfa_token is not None
    return reply.mfa_token


async def add_passkey(
    client: Client, claims: Claims, authenticator: Authenticator, name: str = "Key"
) -> factors.Passkey:
    asked = await client.ask(factors.begin_passkey, Empty(), claims)
    answer = authenticator.create(asked.options)
    return await client.ask(factors.add_passkey, factors.AddPasskey(asked.challenge_id, answer, name), claims)


async def register_with_passkey(client: Client) -> tuple[Claims, Authenticator]:
    _, claims = await client.register_claims()
    authenticator = Authenticator()
    await add_passkey(client, claims, authenticator)
    return claims, authenticator


async def login_by_passkey(
    client: Client, authenticator: Authenticator, mfa_token: str | None = None
) -> auth.SignedIn:
    asked = await client.ask(proving.passkey_options, proving.PasskeyOptions(mfa_token))
    answer = authenticator.sign(asked.options)
    login = proving.PasskeyLogin(asked.challenge_id, answer, mfa_token)
    return await client.ask(proving.login_passkey, login)


async def age_login(engine: AsyncEngine, claims: Claims, minutes: int = 11) -> None:
    """Let a login have begun so long ago."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                f"UPDATE auth.logins SET created_at = created_at - interval '{minutes} min',"
                f" proved_at = proved_at - interval '{minutes} min' WHERE id = :id"
            ),
            {"id": claims.login_id},
        )


async def list_deeds(engine: AsyncEngine, user_id: str) -> list[str]:
    """What the audit log says was done to a user, the oldest first."""
    async with engine.connect() as connection:
        found = text("SELECT action FROM auth.audit_log WHERE subject_id = :id ORDER BY number")
        return list((await connection.scalars(found, {"id": user_id})).all())
