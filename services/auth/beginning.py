"""Begins a login for somebody who has proved who they are, whatever the way: the one place for it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain, tokens
from services.auth.arrivals import Arrivals
from services.auth.domain import LoginLimits
from services.auth.keys import KeyRing
from services.auth.registration.policy import must_verify
from services.auth.store import audit, emails, logins
from services.auth.store.audit import Deed
from services.auth.store.database import read_clock
from services.auth.tokens import RefreshTokens
from shared.bus import BusRequest
from shared.contracts import auth
from shared.contracts.entities import Me
from shared.ids import new_id


class LoginStarter:
    """Makes the row of a login and its first tokens."""

    def __init__(
        self, ring: KeyRing, refresh_tokens: RefreshTokens, limits: LoginLimits, arrivals: Arrivals
    ) -> None:
        self._ring = ring
        self._refresh_tokens = refresh_tokens
        self._limits = limits
        self._arrivals = arrivals

    async def begin(
        self,
        connection: AsyncConnection,
        me: Me,
        request: BusRequest,
        method: str = "password",
        *,
        is_new_account: bool = False,
    ) -> auth.SignedIn:
        """Sign in a user whose row is locked. The caller commits before answering, and locks nothing more.

        A login from an address or a device that is new for the user, or by more than a password, is recorded:
        that holds the audit log until then. Raises ChatError `forbidden` for an account that waits for its
        address to be verified.
        """
        if not is_new_account:
            await _check_verified(connection, me)
        is_new_device = not is_new_account and await self._arrivals.is_new(connection, me, request)
        login_id, refresh_token = new_id(), self._refresh_tokens.create()
        address = request.caller.address
        is_known_here = await logins.has_signed_in_from(connection, me.id, address)
        now = await read_clock(connection)
        await logins.insert_login(
            connection,
            login_id=login_id, user_id=me.id, address=address, user_agent=request.user_agent,
            token_hash=self._refresh_tokens.hash(refresh_token), now=now,
            expires_at=self._limits.find_end(now, now),
        )  # fmt: skip
        if is_new_device:
            await self._arrivals.report(connection, me, request, now)
        if is_new_device or not is_known_here or method != "password":
            details = {
                "login_id": login_id,
                "method": method,
                "new_address": not is_known_here,
                "new_device": is_new_device,
            }
            await audit.record(connection, Deed("login.begun", me.id, me.id, address, details))
        issued = tokens.issue(self._ring, me, login_id, refresh_token, now)
        return auth.SignedIn(domain.to_public(me), issued)


async def _check_verified(connection: AsyncConnection, me: Me) -> None:
    if not me.email_verified and await emails.must_verify(connection, me.id):
        raise must_verify()
