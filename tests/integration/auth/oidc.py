"""What a person does at a provider, in one call each, for the tests beside this file."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import identities
from shared.contracts.auth import SignedIn
from shared.contracts.identities import OidcReply
from shared.tokens import Claims
from tests.integration.auth.client import Client
from tests.oidc_providers import RunningProvider


async def begin(client: Client, provider_id: str = "corp") -> identities.OidcBegun:
    return await client.ask(identities.begin_oidc, identities.BeginOidc(provider_id))


async def arrive(
    client: Client, provider: RunningProvider, subject: str, provider_id: str = "corp"
) -> OidcReply:
    """Sign in at the mock and come back."""
    asked = await provider.sign_in(await begin(client, provider_id), subject)
    return await client.ask(identities.finish_oidc, asked)


async def register_there(
    client: Client, provider: RunningProvider, subject: str, provider_id: str = "corp", **fields: Any
) -> tuple[SignedIn, Claims]:
    """Come for the first time, and register."""
    reply = await arrive(client, provider, subject, provider_id)
    assert reply.registration_token is not None, reply
    assert reply.suggested is not None
    wanted = {"username": reply.suggested.username, "display_name": reply.suggested.display_name} | fields
    asked = identities.RegisterOidc(reply.registration_token, **wanted)
    signed_in = await client.ask(identities.register_oidc, asked)
    return signed_in, await client.verify(signed_in.tokens)


async def give_email(engine: AsyncEngine, user_id: str, email: str, *, verified: bool = True) -> None:
    """Let somebody have an address."""
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE auth.users SET email = :email, email_verified = :verified WHERE id = :id"),
            {"email": email, "verified": verified, "id": user_id},
        )


async def read_role(engine: AsyncEngine, user_id: str) -> str:
    async with engine.connect() as connection:
        found = text("SELECT role FROM auth.users WHERE id = :id")
        return str(await connection.scalar(found, {"id": user_id}))
