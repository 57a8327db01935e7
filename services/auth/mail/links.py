"""Makes the links that are mailed: the token stands in the mail, its hash in the database, nowhere else."""

import hashlib
import secrets
from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.mail.message import Request
from services.auth.mail.postbox import Postbox
from services.auth.mail.texts import RESET_LIFE, VERIFY_LIFE
from services.auth.store import emails, links
from services.auth.store.links import Link

_TOKEN_BYTES = 32


def hash_token(token: str) -> bytes:
    """Return what is stored; 256 random bits need neither salt nor stretching."""
    return hashlib.sha256(token.encode()).digest()


def create_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


class LinkMailer:
    """Each method leaves one mail, in the caller's transaction."""

    def __init__(self, postbox: Postbox) -> None:
        self._postbox = postbox

    async def verify(self, connection: AsyncConnection, user_id: str, username: str, email: str) -> None:
        """To the address an account has; that it is its owner's is shown by following the link."""
        token = create_token()
        link = Link(user_id, email)
        await links.insert_link(connection, hash_token(token), "verify", link, VERIFY_LIFE)
        await self._postbox.post(connection, self._postbox.texts.verify(email, username, token), user_id)

    async def change(self, connection: AsyncConnection, user_id: str, username: str, email: str) -> None:
        """To the address a user wants instead; links to any other one are void from now on."""
        token = create_token()
        await links.delete_links(connection, user_id, "verify", except_to=email)
        link = Link(user_id, email)
        await links.insert_link(connection, hash_token(token), "verify", link, VERIFY_LIFE)
        await self._postbox.post(connection, self._postbox.texts.change(email, username, token), user_id)

    async def answer(self, connection: AsyncConnection, request: Request) -> None:
        """To whoever has the address that somebody asked for; maybe nobody."""
        match request.purpose:
            case "reset":
                found = await emails.find_resettable(connection, request.email)
                if found is not None:
                    await self._reset(connection, *found, request.email)
            case "verify":
                for user_id, username, email in await emails.list_unverified(connection, request.email):
                    await self.verify(connection, user_id, username, email)
            case purpose:
                assert_never(purpose)

    async def _reset(self, connection: AsyncConnection, user_id: str, username: str, email: str) -> None:
        token = create_token()
        link = Link(user_id, email)
        await links.insert_link(connection, hash_token(token), "reset", link, RESET_LIFE)
        await self._postbox.post(connection, self._postbox.texts.reset(email, username, token), user_id)
