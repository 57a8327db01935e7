"""Verify an e-mail address by its link, ask for that link again, change the address."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import limits
from services.auth.fresh import require_fresh
from services.auth.limits import Limits
from services.auth.mail.links import LinkMailer, hash_token
from services.auth.mail.message import Purpose, split_address
from services.auth.mail.postbox import Postbox
from services.auth.registration.policy import RegistrationPolicy
from services.auth.store import audit, emails, links, users
from services.auth.store import limits as stored_limits
from services.auth.store.audit import Deed
from shared.bus import Caller
from shared.contracts import emails as contract
from shared.contracts.entities import Empty, Me
from shared.contracts.errors import ErrorCode
from shared.dispatch import Dispatcher
from shared.errors import ChatError, conflict, invalid, not_found


class Emails:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        rates: Limits,
        policy: RegistrationPolicy,
        postbox: Postbox,
        links: LinkMailer,
    ) -> None:
        self._engine = engine
        self._rates = rates
        self._policy = policy
        self._postbox = postbox
        self._links = links

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.verify_email, self.verify_email)
        dispatcher.handle(contract.resend_verification, self.resend_verification)
        dispatcher.handle(contract.change_email, self.change_email)

    async def verify_email(self, caller: Caller, asked: contract.VerifyEmail) -> Empty:
        """Give the account the address that its link was sent to; `conflict` if another one was first."""
        token_hash = hash_token(asked.token)
        async with self._engine.begin() as connection:
            link = await links.find_link(connection, token_hash, "verify")
            if link is None:
                raise refuse_link()
            account = await users.lock_account(connection, link.user_id, exclusively=True)
            if account is None or account.me.deactivated:
                raise refuse_link()
            if not await links.take_link(connection, token_hash, "verify"):
                raise refuse_link()
            if not await emails.set_verified(connection, link.user_id, link.email):
                raise conflict("this e-mail address belongs to another account")
            # Those to other addresses would undo this, and a reset belongs to the address before.
            await links.delete_links(connection, link.user_id, "verify", except_to=link.email)
            await links.delete_links(connection, link.user_id, "reset", except_to=link.email)
            if account.me.email != link.email:
                await self._postbox.notify(connection, account.me, self._postbox.texts.email_changed)
            deed = Deed("email.verified", subject_id=link.user_id, address=caller.address)
            await audit.record(connection, deed)
        return Empty()

    async def resend_verification(self, caller: Caller, asked: contract.ResendVerification) -> Empty:
        """Leave word; whether anybody has yet to verify this address, the answer does not say."""
        await ask_for_link(
            self._engine, self._rates, self._postbox, caller=caller, purpose="verify", email=asked.email
        )
        return Empty()

    async def change_email(self, caller: Caller, asked: contract.ChangeEmail) -> Empty:
        """Mail a link to the new address, and a notice to the present one if it is verified."""
        if split_address(asked.email) is None:
            raise invalid("email", "is no address that mail can be sent to")
        self._policy.check_email(asked.email)
        if not self._postbox.is_open:
            raise conflict("this deployment sends no mail")
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.mail_by(caller.user_id))
            account = await users.lock_account(connection, caller.user_id, exclusively=True)
            if account is None:
                raise not_found("user")
            await require_fresh(connection, caller)
            await self._ask_exclusively(connection, account.me, asked.email, caller.address)
        return Empty()

    async def _ask_exclusively(self, connection: AsyncConnection, me: Me, email: str, address: str) -> None:
        if me.email_verified and me.email == email:
            return
        await self._links.change(connection, me.id, me.username, email)
        await self._postbox.notify(connection, me, self._postbox.texts.change_asked)
        await audit.record(connection, Deed("email.change_requested", me.id, me.id, address))


async def ask_for_link(
    engine: AsyncEngine, rates: Limits, postbox: Postbox, *, caller: Caller, purpose: Purpose, email: str
) -> None:
    """Leave word that a link was asked for. Raises ChatError `rate_limited` for the caller's address only.

    No statement here asks whether somebody has that e-mail: known and unknown ones are the same work.
    """
    async with engine.begin() as connection:
        await limits.charge(connection, rates.asking_for_mail(caller.address))
        # Silently: it is the owner of the mailbox who is spared, not the caller who is told.
        if await stored_limits.charge(connection, rates.mail_to(email, purpose)) is None:
            await postbox.request(connection, purpose, email)


def refuse_link() -> ChatError:
    """Return the one answer for every link that is no good, whatever the reason."""
    return ChatError(
        ErrorCode.FORBIDDEN,
        "this link was used already, or is too old; ask for another one",
        details={"reason": "link"},
    )
