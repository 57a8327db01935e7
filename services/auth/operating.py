"""What the operator does at the command line, one method for each command; `services.auth.admin` reads them.

Asks the database alone, whether the services run or not. The audit log says that it was the operator.
"""

import secrets
from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import administration, domain, resealing, rotation, totp
from services.auth.administration import PASSWORD_GIVEN_FOR, By
from services.auth.keys import Sealer
from services.auth.mail import sealing as mail_sealing
from services.auth.mail.links import hash_token
from services.auth.passwords import Passwords
from services.auth.privacy import asking, repeating
from services.auth.sealing import SecretSealer
from services.auth.store import accounts, erasures, logins, sealed, users
from services.auth.store.audit_trail import Head
from services.auth.store.database import read_clock
from services.auth.store.erasures import Requested
from services.auth.verifying import verify
from shared.contracts import auth
from shared.contracts.admin import AdminUser
from shared.contracts.entities import LoginSession, UserRole
from shared.contracts.internal import Revocation
from shared.contracts.privacy import MessagesChoice
from shared.contracts.validation import convert_request
from shared.errors import ChatError, conflict, not_found
from shared.ids import is_id, new_id

# Letters and digits that nobody mistakes for each other, on paper or by telephone: 100 bits.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 5
_NO_LOGIN = ""
_AGENT_SHOWN_MAX = 60


class Operator:
    """Each command returns whether all is well, and says what it did."""

    def __init__(self, engine: AsyncEngine, say: Callable[[str], None]) -> None:
        self.revocations: list[Revocation] = []
        """What the nodes have yet to be told."""
        self._engine = engine
        self._say = say
        self._by = By(details={"by": "command line"})

    async def create_user(
        self, username: str, display_name: str | None, email: str | None, *, is_admin: bool
    ) -> bool:
        """Make an account with a password that is for changing. Raises ChatError."""
        password = _make_password()
        given = {"display_name": display_name, "email": email}
        asked = convert_request(
            auth.register,
            {"username": username, "password": password, **{k: v for k, v in given.items() if v}},
        )
        password_hash = await _hash(password)
        async with self._engine.begin() as connection:
            now = await read_clock(connection)
            me = await users.insert_user(
                connection,
                user_id=new_id(),
                username=domain.fold_username(asked.username),
                display_name=asked.display_name or asked.username,
                email=asked.email,
                password_hash=password_hash,
                now=now,
            )
            if me is None:
                raise conflict(f"the user name {asked.username} is taken")
            await accounts.let_password_expire(connection, me.id, now + PASSWORD_GIVEN_FOR)
            if is_admin:
                await accounts.make_admin(connection, me.id)
            role = "admin" if is_admin else "member"
            await self._by.record(connection, "user.created", me.id, role=role)
        self._say(f"{me.username} has an account{' and is an administrator' if is_admin else ''}.")
        self._say_password(password)
        return True

    async def set_role(self, name: str, role: UserRole) -> bool:
        """Make somebody an administrator, or a member again. Raises ChatError."""
        async with self._engine.begin() as connection:
            user = await _lock(connection, name)
            if user.role == "bot":
                raise conflict(f"{user.username} is a bot, and a bot has no other role")
            if user.role == role:
                self._say(f"{user.username} is {_name_role(role)} already.")
                return True
            self._note(await administration.set_role(connection, self._by, user.id, role))
        self._say(f"{user.username} is {_name_role(role)} now.")
        await self._warn_without_admins()
        return True

    async def deactivate(self, name: str) -> bool:
        """Lock somebody out. Raises ChatError."""
        async with self._engine.begin() as connection:
            user = await _lock(connection, name)
            if user.deactivated:
                self._say(f"{user.username} is deactivated already.")
                return True
            self._note(await administration.deactivate(connection, self._by, user.id))
        self._say(f"{user.username} is deactivated, and signed out everywhere. Nothing was deleted.")
        await self._warn_without_admins()
        return True

    async def reactivate(self, name: str) -> bool:
        """Let somebody in again. Raises ChatError."""
        async with self._engine.begin() as connection:
            user = await _lock(connection, name)
            if not user.deactivated:
                self._say(f"{user.username} is not deactivated.")
                return True
            await administration.reactivate(connection, self._by, user.id)
        self._say(f"{user.username} can sign in again.")
        return True

    async def find_username(self, name: str) -> str:
        """Return whom a command would be about. Raises ChatError."""
        async with self._engine.connect() as connection:
            return (await _find(connection, name)).username

    async def erase(self, name: str, messages: MessagesChoice) -> bool:
        """Erase somebody's account, for good; the auth service then does it. Raises ChatError."""
        receipt = asking.create_receipt()
        async with self._engine.begin() as connection:
            user = await _find(connection, name)
            held = await asking.hold(connection, user.id)
            await asking.refuse_for_others(connection, held)
            requested = Requested(new_id(), user.id, hash_token(receipt), messages)
            self.revocations += await asking.begin(connection, self._by, held, requested)
        bots = f" with {_bots(len(held.bot_ids))}" if held.bot_ids else ""
        self._say(f"{user.username} is locked out, and is being erased{bots}. Nobody was told by mail.")
        self._say(f"Receipt: {receipt}")
        self._say("GET /api/v1/erasures/<receipt> says how far that is; the auth service does it.")
        return True

    async def reset_factors(self, name: str) -> bool:
        """Give somebody a new way in who has lost all of theirs. Raises ChatError."""
        password = _make_password()
        password_hash = await _hash(password)
        async with self._engine.begin() as connection:
            user = await _lock(connection, name)
            if user.role == "bot":
                raise conflict(f"{user.username} is a bot, and a bot does not sign in")
            self._note(await administration.reset_factors(connection, self._by, user.id, password_hash))
        self._say(f"{user.username} is signed out everywhere; their old password and factors are gone.")
        self._say_password(password)
        return True

    async def list_logins(self, name: str) -> bool:
        """Show where somebody is signed in. Raises ChatError."""
        async with self._engine.begin() as connection:
            user = await _find(connection, name)
            found = await logins.list_live_logins(connection, user.id, _NO_LOGIN)
            await self._by.record(connection, "login.listed", user.id)
        self._say(f"{user.username} is signed in {_times(len(found))}.")
        for login in found:
            self._say(f"  {_describe(login)}")
        return True

    async def end_logins(self, name: str) -> bool:
        """Sign somebody out everywhere. Raises ChatError."""
        async with self._engine.begin() as connection:
            user = await _lock(connection, name)
            count, revocation = await administration.end_logins(connection, self._by, user.id)
            self._note(revocation)
        self._say(f"{user.username} was signed in {_times(count)}{', and is no more' if count else ''}.")
        return True

    async def rotate_keys(self, sealer: Sealer, *, has_leaked: bool) -> bool:
        """Begin to sign access tokens with a new key. Raises StartupError under a wrong secret."""
        rotate = rotation.replace_leaked if has_leaked else rotation.rotate
        async with self._engine.begin() as connection:
            made = await rotate(connection, sealer, "command line")
        if has_leaked:
            self._say(f"Key {made.key_id} signs from now on, and what older ones signed is void.")
            self._say("Restart the auth services, then the gateways: they hold the old keys in memory.")
        else:
            word = "is published and signs" if made.is_new else "was on its way already; it signs"
            self._say(f"Key {made.key_id} {word} from {made.signs_from:%H:%M:%S} UTC.")
            self._say("Tokens of the one before stay good until they expire. Nothing needs a restart.")
        return True

    async def reseal(self, secret: bytes, previous: Sequence[bytes]) -> bool:
        """Seal anew what was sealed under a secret before. Raises StartupError if no secret opens the keys.

        False if there is something else that none of them opens: that is left as it is.
        """
        async with self._engine.begin() as connection:
            count = await rotation.reseal(connection, Sealer(secret, previous))
        self._say(f"{count} {'key is' if count == 1 else 'keys are'} sealed under CHATCRAFT_SECRET_KEY now.")
        is_whole = True
        for what, purpose, place in (
            ("TOTP secrets", totp.SEALED_FOR, sealed.TOTP_SECRETS),
            ("waiting mails", mail_sealing.SEALED_FOR, sealed.WAITING_MAILS),
        ):
            found = await resealing.reseal(self._engine, place, SecretSealer(secret, purpose, previous))
            if found.renewed:
                self._say(f"So are {found.renewed:,} {what} that were under one of before.")
            if found.lost:
                self._say(f"None of these secrets opens {found.lost:,} {what}; they were left as they are.")
                is_whole = False
        return is_whole

    async def verify_audit(self, kept: Head | None, *, prints_head: bool) -> bool:
        """Check the audit log from its first entry to its head."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            verified = await verify(connection, kept)
        head = verified.head
        if verified.finding:
            self._say(f"Audit log: {verified.finding}.")
            good = {0: "Nothing", 1: "The first entry"}.get(head.number, f"Up to entry {head.number}, all")
            self._say(f"{good} is as it was recorded; nothing is proved from there on.")
            return False
        self._say(
            f"{head.number}:{head.hash.hex()}"
            if prints_head
            else f"{head.number:,} entries: nothing is wrong."
        )
        return True

    async def list_erasures(self) -> bool:
        """Print each erasure that was asked for: ids, a digest, a choice, and no name."""
        async with self._engine.connect() as connection:
            for each in await erasures.list_requested(connection):
                self._say(repeating.to_line(each))
        return True

    async def repeat_erasures(self, listed: Sequence[Requested]) -> bool:
        """Ask for those again that this database does not know of; the auth service then does them."""
        count = 0
        for each in listed:
            async with self._engine.begin() as connection:
                revocations = await repeating.repeat(connection, self._by, each)
            if revocations is not None:
                self.revocations += revocations
                count += 1
        if count:
            self._say(f"{count:,} {'erasure was' if count == 1 else 'erasures were'} asked for again.")
        return True

    def _note(self, revocation: Revocation | None) -> None:
        if revocation is not None:
            self.revocations.append(revocation)

    def _say_password(self, password: str) -> None:
        self._say(f"One-time password: {password}")
        self._say(f"It is good for {PASSWORD_GIVEN_FOR.days} days: sign in with it, and set one of your own.")

    async def _warn_without_admins(self) -> None:
        async with self._engine.connect() as connection:
            has_admins = await accounts.has_admins(connection)
        if not has_admins:
            self._say("There is no administrator now; `chatcraft admin promote NAME` makes one.")


async def _find(connection: AsyncConnection, name: str) -> AdminUser:
    """Return the account of a user name, an id, or a verified e-mail address."""
    name = name.removeprefix("@")
    if is_id(name):
        user = await accounts.find_account(connection, name)
    else:
        found = await users.find_account(connection, name)
        user = await accounts.find_account(connection, found.me.id) if found else None
    if user is None:
        raise ChatError(not_found("user").code, f"there is no user {name!r}")
    return user


async def _lock(connection: AsyncConnection, name: str) -> AdminUser:
    """The same, held until commit as it is then."""
    user_id = (await _find(connection, name)).id
    await accounts.lock_standings(connection, [user_id])
    return await _find(connection, user_id)


async def _hash(password: str) -> str:
    passwords = Passwords(threads=1)
    try:
        return await passwords.hash(password)
    finally:
        passwords.close()


def _make_password() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def _name_role(role: UserRole) -> str:
    return "an administrator" if role == "admin" else "a member"


def _bots(count: int) -> str:
    return "their bot" if count == 1 else f"their {count} bots"


def _times(count: int) -> str:
    return {0: "nowhere", 1: "in one place"}.get(count, f"in {count} places")


def _describe(login: LoginSession) -> str:
    # What a client says of itself is not for the terminal to obey.
    agent = "".join(each if each.isprintable() else "?" for each in login.user_agent or "unknown client")
    return f"{login.id}  last used {login.last_used_at}  from {login.address}  {agent[:_AGENT_SHOWN_MAX]}"
