"""The way in by the directory: for names that have no password here. Their accounts are known by its id."""

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import domain, groups, hints
from services.auth.administration import By
from services.auth.newcomers import Newcomer, insert_newcomer
from services.auth.store import identities, users
from services.auth.store.identities import DIRECTORY, NewIdentity, Owner
from services.auth.store.users import Account
from shared.bus import Bus
from shared.contracts.auth import PasswordLogin
from shared.contracts.entities import Me
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Username
from shared.errors import ChatError
from shared.telemetry import get_logger

if TYPE_CHECKING:  # it needs the extra
    from services.auth.ldap.directory import Directory, Entry

log = get_logger(__name__)


class DirectoryDoor:
    """Asked after the password was found not to be one of ours."""

    def __init__(self, engine: AsyncEngine, bus: Bus, directory: "Directory") -> None:
        self._engine = engine
        self._bus = bus
        self._directory = directory

    async def open(self, asked: PasswordLogin, account: Account | None, address: str) -> Owner | None:
        """Return who signs in, after making the account of who is new; None: refused.

        Whoever is asked for, the directory is given the same work: the time tells nothing.
        """
        has_password = account is not None and account.password_hash is not None
        if has_password or not _is_username(asked.login):
            await self._directory.pretend()
            return None
        username = domain.fold_username(asked.login)
        entry = await self._directory.authenticate(username, asked.password)
        if entry is None:
            return None
        by = By(address=address, details={"provider_id": DIRECTORY})
        owner = await self._find_or_make(entry, username, by)
        if owner is None:
            log.warning("directory_stranger", reason="the name is another account's, or nobody new is let in")
        else:
            await self._follow_groups(owner, entry, by)
        return owner

    async def recognise(self, me: Me, password: str) -> Owner | None:
        """Return by what a user without a password here is known there, if that is their password there.

        Asked about the user name. Who is not known there is not asked for: no account is a place to guess at
        the password of somebody else.
        """
        async with self._engine.connect() as connection:
            if not await identities.has_at(connection, me.id, [DIRECTORY]):
                return None
        entry = await self._directory.authenticate(me.username, password)
        owner = await self._find(entry) if entry else None
        return owner if owner is not None and owner.user_id == me.id else None

    async def _find_or_make(self, entry: "Entry", username: str, by: By) -> Owner | None:
        owner = await self._find(entry)
        if owner is not None or not self._directory.settings.allow_registration:
            return owner
        try:
            await self._make(entry, username, by)
        except ChatError as exc:
            if exc.code is not ErrorCode.CONFLICT:
                raise
        # Made here, or by another first sign-in at the same moment; or the name is somebody else's.
        return await self._find(entry)

    async def _find(self, entry: "Entry") -> Owner | None:
        async with self._engine.connect() as connection:
            return await identities.find_owner(connection, DIRECTORY, entry.subject)

    async def _make(self, entry: "Entry", username: str, by: By) -> None:
        settings = self._directory.settings
        identity = NewIdentity(DIRECTORY, settings.name, DIRECTORY, entry.subject, entry.email)
        async with self._engine.begin() as connection:
            email = entry.email if settings.emails_are_verified else None
            if email is not None and await users.find_account(connection, email) is not None:
                email = None  # it stays with who has shown that it is theirs
            newcomer = Newcomer(username, entry.display_name or username, email, entry.role == "admin")
            me = await insert_newcomer(connection, newcomer, identity, by)
            await by.record(connection, "user.created", me.id, role=me.role)

    async def _follow_groups(self, owner: Owner, entry: "Entry", by: By) -> None:
        async with self._engine.begin() as connection:
            revocation = await groups.follow(connection, owner.user_id, entry.role, by)
        if revocation is not None:
            await hints.announce(self._bus, revocation)


def _is_username(login: str) -> bool:
    try:
        msgspec.convert(login, Username)
    except msgspec.ValidationError:
        return False
    return True
