"""The caller's passkeys: make, name and remove them."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import ways_in
from services.auth.changing import changing_factors
from services.auth.fresh import require_fresh
from services.auth.mail.postbox import Postbox
from services.auth.relying_party import NotVerified, RelyingParty
from services.auth.store import challenges, users
from services.auth.store import passkeys as stored
from services.auth.store.challenges import Challenge
from services.auth.store.database import read_clock
from shared.bus import Bus, Caller
from shared.contracts import factors
from shared.contracts.entities import Empty
from shared.contracts.passkeys import PasskeyChallenge
from shared.dispatch import Dispatcher
from shared.errors import ChatError, conflict, invalid, not_found
from shared.ids import new_id


class Passkeys:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        bus: Bus,
        postbox: Postbox,
        party: RelyingParty,
        issuers: Collection[str],
    ) -> None:
        """`issuers`: of the providers by which people sign in, too."""
        self._engine = engine
        self._bus = bus
        self._postbox = postbox
        self._party = party
        self._issuers = issuers

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(factors.begin_passkey, self.begin_passkey)
        dispatcher.handle(factors.add_passkey, self.add_passkey)
        dispatcher.handle(factors.rename_passkey, self.rename_passkey)
        dispatcher.handle(factors.remove_passkey, self.remove_passkey)

    async def begin_passkey(self, caller: Caller, _asked: Empty) -> PasskeyChallenge:
        """Raises ChatError `conflict` if the caller has as many as one may have."""
        asked = Challenge(self._party.create_challenge(), caller.user_id)
        challenge_id = new_id()
        async with self._engine.begin() as connection:
            account = await users.lock_account(connection, caller.user_id)
            await require_fresh(connection, caller)
            if account is None:
                raise not_found("user")
            known = await stored.list_credentials(connection, caller.user_id)
            _refuse_more(len(known))
            now = await read_clock(connection)
            await challenges.insert_challenge(connection, challenge_id, "create", asked, now)
        options = self._party.ask_to_create(account.me, asked.challenge, known)
        return PasskeyChallenge(challenge_id, options)

    async def add_passkey(self, caller: Caller, asked: factors.AddPasskey) -> factors.Passkey:
        """Raises ChatError `invalid_input` unless the browser's answer is a true one, `conflict` if known."""
        async with self._engine.begin() as connection:  # spent, whatever comes of it
            challenge = await challenges.take(connection, asked.challenge_id, "create")
        if challenge is None or challenge.user_id != caller.user_id:
            raise invalid("challenge_id", "is unknown, was used, or has expired; begin anew")
        try:
            made = self._party.verify_new(asked.credential, challenge.challenge)
        except NotVerified:
            raise invalid("credential", "is not a passkey that was made for this challenge") from None
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            _refuse_more(len(await stored.list_passkeys(change.connection, caller.user_id)))
            passkey_id, now = new_id(), await read_clock(change.connection)
            passkey = await stored.insert_passkey(
                change.connection, caller.user_id, made, passkey_id=passkey_id, name=asked.name, now=now
            )
            if passkey is None:
                raise conflict("the passkey is known already")
            change.note("passkey.added", passkey_id=passkey_id)
            return passkey

    async def rename_passkey(self, caller: Caller, asked: factors.RenamePasskey) -> factors.Passkey:
        async with self._engine.begin() as connection:
            passkey = await stored.rename(connection, caller.user_id, asked.passkey_id, asked.name)
        if passkey is None:
            raise not_found("passkey")
        return passkey

    async def remove_passkey(self, caller: Caller, asked: factors.RemovePasskey) -> Empty:
        """Raises ChatError `conflict` if nothing else would let the caller in again."""
        async with changing_factors(self._engine, self._bus, self._postbox, caller) as change:
            if not await stored.remove(change.connection, caller.user_id, asked.passkey_id):
                raise not_found("passkey")
            if not await ways_in.are_left(change.connection, change.account, self._issuers):
                raise _last_way_in()
            change.note("passkey.removed", passkey_id=asked.passkey_id)
        return Empty()


def _refuse_more(count: int) -> None:
    if count >= stored.PASSKEYS_MAX:
        raise conflict(f"nobody has more than {stored.PASSKEYS_MAX} passkeys; remove one first")


def _last_way_in() -> ChatError:
    return conflict("this passkey is the last way to sign in; set a password or add another first")
