"""Register, as far as the policy lets people; and what the policy is."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import domain, limits
from services.auth.beginning import LoginStarter
from services.auth.limits import Limits
from services.auth.mail.links import LinkMailer
from services.auth.passwords import Passwords, refuse_weak
from services.auth.registration.inviting import look_at_invitation, use_invitation
from services.auth.registration.policy import RegistrationPolicy, must_verify
from services.auth.registration.proof_of_work import WorkGate
from services.auth.store import consents, users
from services.auth.store import limits as stored_limits
from services.auth.store.database import read_clock
from shared.bus import BusRequest, Caller
from shared.contracts import auth, registration
from shared.contracts.entities import Empty, Me
from shared.dispatch import Dispatcher
from shared.errors import taken
from shared.ids import new_id


class Registering:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        starter: LoginStarter,
        passwords: Passwords,
        rates: Limits,
        policy: RegistrationPolicy,
        links: LinkMailer,
        providers: list[registration.Provider],
        work: WorkGate,
    ) -> None:
        self._engine = engine
        self._starter = starter
        self._passwords = passwords
        self._rates = rates
        self._policy = policy
        self._links = links
        self._providers = providers
        self._work = work

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle_request(auth.register, self.register)
        dispatcher.handle(registration.get_policy, self.get_policy)

    async def get_policy(self, _caller: Caller, _asked: Empty) -> registration.Policy:
        if not self._work.is_on:
            return self._policy.describe(self._providers)
        async with self._engine.connect() as connection:
            return self._policy.describe(self._providers, self._work.challenge(await read_clock(connection)))

    async def register(self, request: BusRequest, asked: auth.Register) -> auth.SignedIn:
        """Create an account. Raises ChatError `conflict`, `forbidden`, `invalid_input`, `rate_limited`.

        `forbidden` with the reason `verify_email` comes after the account was made.
        """
        username = domain.fold_username(asked.username)
        self._policy.admit(asked)
        refuse_weak(asked.password, username)
        with self._passwords.admit():
            return await self._register(username, request, asked)

    async def _register(self, username: str, request: BusRequest, asked: auth.Register) -> auth.SignedIn:
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.registration(request.caller.address))
            await self._take_work(connection, asked)
            await look_at_invitation(connection, self._policy, asked.invitation)
            if await users.is_username_taken(connection, username):  # before the work of hashing
                raise taken("username")
        password_hash = await self._passwords.hash(asked.password)
        async with self._engine.begin() as connection:
            me = await self._insert(connection, username, password_hash, asked)
            signed_in = await self._settle(connection, me, request, asked)
        if signed_in is None:
            raise must_verify()
        return signed_in

    async def _take_work(self, connection: AsyncConnection, asked: auth.Register) -> None:
        """Use a proof of work up, where one is asked for; with a name that is taken it is given back."""
        if not self._work.is_on:
            return
        now = await read_clock(connection)
        if await stored_limits.charge(connection, self._work.check(asked.proof_of_work, now)) is not None:
            raise self._work.refuse("this proof of work was used before", now)

    async def _insert(
        self, connection: AsyncConnection, username: str, password_hash: str, asked: auth.Register
    ) -> Me:
        me = await users.insert_user(
            connection,
            user_id=new_id(),
            username=username,
            display_name=asked.display_name or username,
            email=asked.email,
            password_hash=password_hash,
            now=await read_clock(connection),
            must_verify_email=self._policy.must_verify_email,
        )
        if me is None:
            raise taken("username")
        return me

    async def _settle(
        self, connection: AsyncConnection, me: Me, request: BusRequest, asked: auth.Register
    ) -> auth.SignedIn | None:
        """Do what belongs to a new account; return its first login, None if it has to wait for that."""
        await consents.insert_consents(connection, me.id, self._policy.list_required())
        if me.email is not None:
            # Silently: whoever floods a mailbox by registering is not told that it no longer works.
            charged = self._rates.mail_to(me.email, "register")
            if await stored_limits.charge(connection, charged) is None:
                await self._links.verify(connection, me.id, me.username, me.email)
        signed_in = None
        if not self._policy.must_verify_email:
            signed_in = await self._starter.begin(connection, me, request, is_new_account=True)
        await use_invitation(connection, self._policy, me, request.caller.address, asked.invitation)
        return signed_in
