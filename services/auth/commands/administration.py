"""For administrators: each asks for the caller's present role, and leaves an entry in the audit log."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import administration, domain, hints
from services.auth.administration import By
from services.auth.fresh import require_fresh
from services.auth.mail.links import hash_token
from services.auth.mail.postbox import Postbox
from services.auth.privacy import asking
from services.auth.store import accounts, audit_trail, erasures, logins
from services.auth.store.accounts import Standing
from services.auth.store.audit_trail import Entry, Filter
from services.auth.store.erasures import Requested
from shared.bus import Bus, Caller
from shared.clock import to_wire
from shared.contracts import admin as contract
from shared.contracts.auth import LoginsEnded, LoginSessions
from shared.contracts.internal import Revocation
from shared.contracts.privacy import StartedErasure
from shared.dispatch import Dispatcher
from shared.errors import ChatError, conflict, forbidden, invalid, not_found
from shared.ids import new_id

_NUMBER_DIGITS_MAX = 18


class Administration:
    """The handlers and what they need."""

    def __init__(self, *, engine: AsyncEngine, bus: Bus, postbox: Postbox) -> None:
        self._engine = engine
        self._bus = bus
        self._postbox = postbox

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.list_users, self.list_users)
        dispatcher.handle(contract.get_user, self.get_user)
        dispatcher.handle(contract.set_role, self.set_role)
        dispatcher.handle(contract.deactivate, self.deactivate)
        dispatcher.handle(contract.reactivate, self.reactivate)
        dispatcher.handle(contract.erase, self.erase)
        dispatcher.handle(contract.list_logins, self.list_logins)
        dispatcher.handle(contract.end_logins, self.end_logins)
        dispatcher.handle(contract.read_audit, self.read_audit)

    async def list_users(self, caller: Caller, asked: contract.ListUsers) -> contract.AdminUsers:
        try:
            after = domain.NamePosition.decode(asked.cursor) if asked.cursor else None
        except ValueError:
            raise _not_a_cursor() from None
        async with self._engine.begin() as connection:
            await _require_admin(connection, caller)
            # One more than asked tells whether there is a next page.
            found = await accounts.list_accounts(connection, asked, after, asked.limit + 1)
            filters = {"role": asked.role, "state": asked.state, "by_name": bool(asked.q)}
            await _by(caller).record(connection, "user.listed", filters=filters)
        page = found[: asked.limit]
        next_cursor = page[-1][0].encode() if len(found) > asked.limit else None
        return contract.AdminUsers([user for _, user in page], next_cursor)

    async def get_user(self, caller: Caller, asked: contract.UserOf) -> contract.AdminUser:
        async with self._engine.begin() as connection:
            await _require_admin(connection, caller)
            user = await _get(connection, asked.user_id)
            await _by(caller).record(connection, "user.viewed", asked.user_id)
        return user

    async def set_role(self, caller: Caller, asked: contract.SetUserRole) -> contract.AdminUser:
        """Raises ChatError `conflict` for a bot, and for the last administrator."""
        revocation: Revocation | None = None
        async with self._engine.begin() as connection:
            standings = await _lock_for_change(connection, caller, asked.user_id)
            present = standings[asked.user_id].role
            if present == "bot":
                raise conflict("a bot has no other role")
            if present != asked.role:
                if asked.role != "admin":
                    administration.refuse_the_last(standings, asked.user_id)
                revocation = await administration.set_role(connection, _by(caller), asked.user_id, asked.role)
            user = await _get(connection, asked.user_id)
        await self._announce(revocation)
        return user

    async def deactivate(self, caller: Caller, asked: contract.UserOf) -> contract.AdminUser:
        """Raises ChatError `conflict` for the last administrator."""
        revocation: Revocation | None = None
        async with self._engine.begin() as connection:
            standings = await _lock_for_change(connection, caller, asked.user_id)
            if standings[asked.user_id].is_active:
                administration.refuse_the_last(standings, asked.user_id)
                revocation = await administration.deactivate(connection, _by(caller), asked.user_id)
            user = await _get(connection, asked.user_id)
        await self._announce(revocation)
        return user

    async def reactivate(self, caller: Caller, asked: contract.UserOf) -> contract.AdminUser:
        """Raises ChatError `conflict` for an account that is erased."""
        async with self._engine.begin() as connection:
            standings = await _lock_for_change(connection, caller, asked.user_id)
            if not standings[asked.user_id].is_active:
                await administration.reactivate(connection, _by(caller), asked.user_id)
            return await _get(connection, asked.user_id)

    async def erase(self, caller: Caller, asked: contract.EraseUser) -> StartedErasure:
        """Raises ChatError `conflict` for a bot, the last administrator, and an account that is erased."""
        receipt = asking.create_receipt()
        async with self._engine.begin() as connection:
            held = await asking.hold(connection, asked.user_id, caller.user_id)
            await _require_fresh_admin(connection, caller, held.standings)
            await asking.refuse_for_others(connection, held)
            await self._tell_of_erasure(connection, asked.user_id)
            requested = Requested(new_id(), asked.user_id, hash_token(receipt), asked.messages)
            revocations = await asking.begin(connection, _by(caller), held, requested)
            erasure = await erasures.find_by_receipt(connection, requested.receipt_hash)
        assert erasure is not None, "inserted above"
        for revocation in revocations:
            await self._announce(revocation)
        return StartedErasure(receipt, erasure)

    async def list_logins(self, caller: Caller, asked: contract.UserOf) -> LoginSessions:
        async with self._engine.begin() as connection:
            await _require_admin(connection, caller)
            await _get(connection, asked.user_id)
            found = await logins.list_live_logins(connection, asked.user_id, caller.login_id)
            await _by(caller).record(connection, "login.listed", asked.user_id)
        return LoginSessions(found)

    async def end_logins(self, caller: Caller, asked: contract.UserOf) -> LoginsEnded:
        async with self._engine.begin() as connection:
            await _lock_for_change(connection, caller, asked.user_id)
            count, revocation = await administration.end_logins(connection, _by(caller), asked.user_id)
        await self._announce(revocation)
        return LoginsEnded(count)

    async def read_audit(self, caller: Caller, asked: contract.ReadAudit) -> contract.AuditEntries:
        """Return a page; that somebody looked is the next entry."""
        before = _decode_number(asked.cursor) if asked.cursor else None
        wanted = Filter(asked.actor_id, asked.subject_id, asked.action)
        async with self._engine.begin() as connection:
            await _require_admin(connection, caller)
            found = await audit_trail.list_entries(connection, wanted, before, asked.limit + 1)
            filters = {"actor_id": asked.actor_id, "subject_id": asked.subject_id, "action": asked.action}
            await _by(caller).record(connection, "audit.read", before=before, filters=filters)
        page = found[: asked.limit]
        next_cursor = str(page[-1].number) if len(found) > asked.limit else None
        return contract.AuditEntries([_to_wire(entry) for entry in page], next_cursor)

    async def _tell_of_erasure(self, connection: AsyncConnection, user_id: str) -> None:
        """Tell the address that is about to be forgotten. The mail alone has it then, until it is sent."""
        user = await _get(connection, user_id)
        if user.email is not None and user.email_verified:
            mail = self._postbox.texts.erasure_ordered(user.email, user.username)
            await self._postbox.post(connection, mail, None)

    async def _announce(self, revocation: Revocation | None) -> None:
        if revocation is not None:
            await hints.announce(self._bus, revocation)


def _by(caller: Caller) -> By:
    return By(caller.user_id, caller.address)


async def _require_admin(connection: AsyncConnection, caller: Caller) -> None:
    # The token may still say what was true a quarter of an hour ago.
    if not await accounts.is_admin(connection, caller.user_id):
        raise _not_an_admin()


async def _lock_for_change(connection: AsyncConnection, caller: Caller, user_id: str) -> dict[str, Standing]:
    """Hold who is concerned. Raises ChatError unless the caller is an administrator who has proved it."""
    standings = await accounts.lock_standings(connection, [caller.user_id, user_id])
    await _require_fresh_admin(connection, caller, standings)
    if user_id not in standings:
        raise not_found("user")
    return standings


async def _require_fresh_admin(
    connection: AsyncConnection, caller: Caller, standings: dict[str, Standing]
) -> None:
    own = standings.get(caller.user_id)
    if own is None or not own.is_admin:
        raise _not_an_admin()
    await require_fresh(connection, caller)


async def _get(connection: AsyncConnection, user_id: str) -> contract.AdminUser:
    user = await accounts.find_account(connection, user_id)
    if user is None:
        raise not_found("user")
    return user


def _to_wire(entry: Entry) -> contract.AuditEntry:
    deed = entry.deed
    return contract.AuditEntry(
        number=entry.number,
        at=to_wire(entry.at),
        actor_id=deed.actor_id,
        action=deed.action,
        subject_id=deed.subject_id,
        address=deed.address,
        details=deed.details,
        hash=entry.hash.hex(),
    )


def _decode_number(cursor: str) -> int:
    if not cursor.isdecimal() or len(cursor) > _NUMBER_DIGITS_MAX:
        raise _not_a_cursor()
    return int(cursor)


def _not_a_cursor() -> ChatError:
    return invalid("cursor", "is not a cursor that this server gave")


def _not_an_admin() -> ChatError:
    return forbidden("that is for administrators")
