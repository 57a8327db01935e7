"""Change one's password, ask for a link that sets a forgotten one anew, use that link."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import hints, limits
from services.auth.commands.emails import ask_for_link, refuse_link
from services.auth.fresh import require_fresh
from services.auth.limits import Limits
from services.auth.mail.links import hash_token
from services.auth.mail.postbox import Postbox
from services.auth.passwords import Passwords, refuse_weak
from services.auth.store import audit, endings, links, logins, passwords, users
from services.auth.store import limits as stored_limits
from services.auth.store.audit import Deed
from services.auth.store.links import Link
from services.auth.store.users import Account
from shared.bus import Bus, Caller
from shared.contracts import passwords as contract
from shared.contracts.entities import Empty, Me
from shared.contracts.internal import Revocation
from shared.dispatch import Dispatcher
from shared.errors import conflict, invalid, not_found


class PasswordChanges:
    """The handlers and what they need."""

    def __init__(
        self, *, engine: AsyncEngine, bus: Bus, passwords: Passwords, rates: Limits, postbox: Postbox
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._passwords = passwords
        self._rates = rates
        self._postbox = postbox

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.change_password, self.change_password)
        dispatcher.handle(contract.set_password, self.set_password)
        dispatcher.handle(contract.request_reset, self.request_reset)
        dispatcher.handle(contract.reset_password, self.reset_password)

    async def change_password(self, caller: Caller, asked: contract.ChangePassword) -> Empty:
        """Set another password, and end all other logins and the caller's API tokens; this login stays."""
        async with self._engine.begin() as connection:
            me = await users.find_me(connection, caller.user_id)
            if me is None:
                raise not_found("user")
            guess = self._rates.guess(me.username, caller.address, is_known_here=True)
            await limits.charge(connection, guess)
            account = await self._open_account(connection, caller)
        refuse_weak(asked.new_password, account.me.username, "new_password")
        if not await self._passwords.verify(account.password_hash, asked.current_password):
            raise invalid("current_password", "is wrong")
        password_hash = await self._passwords.hash(asked.new_password)
        async with self._engine.begin() as connection:
            await stored_limits.refund(connection, guess)
            current = await self._open_account(connection, caller, exclusively=True)
            if current.password_hash != account.password_hash:
                raise conflict("the password was changed meanwhile")
            revocations = await self._replace(
                connection, current.me, caller, password_hash, "password.changed"
            )
        await self._announce(revocations)
        return Empty()

    async def set_password(self, caller: Caller, asked: contract.SetPassword) -> Empty:
        """Give a password to who has none, and end what a changed one ends.

        Raises ChatError `conflict` for who has one: that is changed, by who knows it.
        """
        async with self._engine.begin() as connection:
            account = await self._open_account(connection, caller)
        _refuse_second(account)
        refuse_weak(asked.password, account.me.username)
        password_hash = await self._passwords.hash(asked.password)
        async with self._engine.begin() as connection:
            current = await self._open_account(connection, caller, exclusively=True)
            _refuse_second(current)
            revocations = await self._replace(connection, current.me, caller, password_hash, "password.set")
        await self._announce(revocations)
        return Empty()

    async def request_reset(self, caller: Caller, asked: contract.RequestReset) -> Empty:
        """Leave word; whether anybody has this address, neither answer nor work tells."""
        await ask_for_link(
            self._engine, self._rates, self._postbox, caller=caller, purpose="reset", email=asked.email
        )
        return Empty()

    async def reset_password(self, caller: Caller, asked: contract.ResetPassword) -> Empty:
        """Set the password of a link's owner and end all their logins; second factors stay as they are."""
        token_hash = hash_token(asked.token)
        async with self._engine.connect() as connection:
            link = await links.find_link(connection, token_hash, "reset")
            me = await users.find_me(connection, link.user_id) if link else None
        if link is None or me is None:
            raise refuse_link()
        refuse_weak(asked.password, me.username)  # before the link is used up
        password_hash = await self._passwords.hash(asked.password)
        async with self._engine.begin() as connection:
            revocation = await self._reset(connection, token_hash, link, password_hash, caller.address)
        await hints.announce(self._bus, revocation)
        return Empty()

    async def _open_account(
        self, connection: AsyncConnection, caller: Caller, *, exclusively: bool = False
    ) -> Account:
        """Return the caller's account, held; raises unless they have lately proved who they are."""
        account = await users.lock_account(connection, caller.user_id, exclusively=exclusively)
        if account is None:
            raise not_found("user")
        await require_fresh(connection, caller)
        return account

    async def _replace(
        self, connection: AsyncConnection, me: Me, caller: Caller, password_hash: str, action: str
    ) -> list[Revocation]:
        await passwords.set_hash(connection, me.id, password_hash)
        await links.delete_links(connection, me.id, "reset")
        await self._notify(connection, me, is_first=action == "password.set")
        others = await logins.lock_logins(connection, me.id, but=caller.login_id)
        await audit.record(connection, Deed(action, me.id, me.id, caller.address))
        tokens = await endings.end_tokens(connection, me.id)
        return [*tokens, *await endings.end_logins(connection, others)]

    async def _announce(self, revocations: list[Revocation]) -> None:
        for revocation in revocations:
            await hints.announce(self._bus, revocation)

    async def _reset(
        self, connection: AsyncConnection, token_hash: bytes, link: Link, password_hash: str, address: str
    ) -> Revocation:
        account = await users.lock_account(connection, link.user_id, exclusively=True)
        # Sent to an address that is no longer theirs, it is in somebody else's mailbox.
        if account is None or account.me.deactivated or not _is_theirs(account.me, link.email):
            raise refuse_link()
        if not await links.take_link(connection, token_hash, "reset"):
            raise refuse_link()
        await links.delete_links(connection, link.user_id, "reset")
        await self._notify(connection, account.me)
        await logins.lock_logins(connection, link.user_id)
        await audit.record(connection, Deed("password.reset", subject_id=link.user_id, address=address))
        revocation = await endings.change_password(connection, link.user_id, password_hash)
        assert revocation is not None  # its row is locked
        return revocation

    async def _notify(self, connection: AsyncConnection, me: Me, *, is_first: bool = False) -> None:
        texts = self._postbox.texts
        await self._postbox.notify(connection, me, texts.password_set if is_first else texts.password_changed)


def _refuse_second(account: Account) -> None:
    if account.password_hash is not None:
        raise conflict("you have a password; change it instead")


def _is_theirs(me: Me, email: str) -> bool:
    return me.email is not None and me.email_verified and me.email.lower() == email.lower()
