"""Begins a login for somebody who has proved who they are, whatever the way: the one place for it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain, tokens
from services.auth.arrivals import Arrivals
from services.auth.keys import KeyRing
from services.auth.registration.policy import must_verify
from services.auth.store import emails, logins
from services.auth.store.database import read_clock
from services.auth.tokens import RefreshTokens
from shared.bus import BusRequest
from shared.contracts import auth
from shared.contracts.entities import Me
from shared.ids import new_id


class LoginStarter:
    """Makes the row of a login and its first tokens."""

    def __init__(self, ring: KeyRing, refresh_tokens: RefreshTokens, arrivals: Arrivals) -> None:
        self._ring = ring
        self._refresh_tokens = refresh_tokens
        self._arrivals = arrivals

    async def begin(
        self, connection: AsyncConnection, me: Me, request: BusRequest, *, is_new_account: bool = False
    ) -> auth.SignedIn:
        """Sign in a user whose row is locked. The caller commits before answering, and locks nothing more.

        Raises ChatError `forbidden` for an account that waits for its address to be verified.
        """
        is_waiting = not is_new_account and not me.email_verified
        if is_waiting and await emails.must_verify(connection, me.id):
            raise must_verify()
        is_new_device = not is_new_account and await self._arrivals.is_new(connection, me, request)
        login_id, refresh_token = new_id(), self._refresh_tokens.create()
        now = await read_clock(connection)
        await logins.insert_login(
            connection,
            login_id=login_id,
            user_id=me.id,
            address=request.caller.address,
            user_agent=request.user_agent,
            token_hash=self._refresh_tokens.hash(refresh_token),
            now=now,
        )
        if is_new_device:
            await self._arrivals.report(connection, me, request, now)
        issued = tokens.issue(self._ring, me, login_id, refresh_token, now)
        return auth.SignedIn(domain.to_public(me), issued)
