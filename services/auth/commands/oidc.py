"""Sign in at a provider: the way there and back, and the account of who comes for the first time."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import domain, groups, hints, limits, second_factor
from services.auth.administration import By
from services.auth.beginning import LoginStarter
from services.auth.limits import Limits
from services.auth.mail.links import create_token, hash_token
from services.auth.oidc.journeys import Departure, Journeys
from services.auth.oidc.profile import Profile
from services.auth.oidc.provider import not_signed_in
from services.auth.registration.policy import RegistrationPolicy, closed
from services.auth.store import identities, identity_tickets, users
from services.auth.store.identities import Owner
from services.auth.store.identity_tickets import Ticket
from shared.bus import Bus, BusRequest, Caller
from shared.contracts import identities as contract
from shared.contracts.identities import OidcReply
from shared.dispatch import Dispatcher
from shared.errors import ChatError

_SUGGESTIONS_MAX = 20


class Oidc:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        bus: Bus,
        starter: LoginStarter,
        rates: Limits,
        policy: RegistrationPolicy,
        journeys: Journeys,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._starter = starter
        self._rates = rates
        self._policy = policy
        self._journeys = journeys

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.begin_oidc, self.begin_oidc)
        dispatcher.handle_request(contract.finish_oidc, self.finish_oidc)

    async def begin_oidc(self, caller: Caller, asked: contract.BeginOidc) -> contract.OidcBegun:
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.challenge(caller.address))
        departure, begun = await self._journeys.prepare(asked.provider_id)
        async with self._engine.begin() as connection:
            await self._journeys.depart(connection, departure, None)
        return begun

    async def finish_oidc(self, request: BusRequest, asked: contract.FinishOidc) -> OidcReply:
        """Sign in who is known; else say what would make them known. Never by an e-mail address alone."""
        async with self._engine.begin() as connection:
            departure = await self._journeys.receive(connection, asked, None)
        profile = await self._journeys.identify(departure, asked)
        assert departure is not None  # else it has raised
        async with self._engine.connect() as connection:
            owner = await identities.find_owner(connection, profile.issuer, profile.subject)
        if owner is None:
            return await self._welcome(departure, profile)
        await self._follow_groups(departure, owner, profile, request.caller.address)
        return await self._sign_in(owner, profile, request)

    async def _follow_groups(
        self, departure: Departure, owner: Owner, profile: Profile, address: str
    ) -> None:
        by = By(address=address, details={"provider_id": departure.provider.settings.id})
        async with self._engine.begin() as connection:
            revocation = await groups.follow(connection, owner.user_id, profile.role, by)
        if revocation is not None:
            await hints.announce(self._bus, revocation)

    async def _sign_in(self, owner: Owner, profile: Profile, request: BusRequest) -> OidcReply:
        async with self._engine.begin() as connection:
            account = await users.lock_account(connection, owner.user_id)
            if account is None or account.me.deactivated:
                raise not_signed_in()
            if not await identities.note_use(connection, owner, profile.email):
                raise not_signed_in()
            if due := await second_factor.ask_if_due(connection, account):
                return OidcReply(mfa_token=due.mfa_token, methods=due.methods)
            signed_in = await self._starter.begin(connection, account.me, request, "oidc")
            return OidcReply(user=signed_in.user, tokens=signed_in.tokens)

    async def _welcome(self, departure: Departure, profile: Profile) -> OidcReply:
        """Offer to link or to register. Raises ChatError `forbidden` if neither can be."""
        token = create_token()
        async with self._engine.begin() as connection:
            if profile.verified_email is not None:
                account = await users.find_account(connection, profile.verified_email)
                if account is not None:
                    await _insert_ticket(connection, departure, profile, token, account.me.id)
                    return OidcReply(link_token=token, link_hint=profile.verified_email)
            self._refuse_strangers(departure, profile)
            await _insert_ticket(connection, departure, profile, token, None)
            suggested = await _suggest(connection, profile)
            return OidcReply(registration_token=token, suggested=suggested)

    def _refuse_strangers(self, departure: Departure, profile: Profile) -> None:
        if self._policy.mode == "closed" or not departure.provider.settings.allow_registration:
            raise closed()
        try:
            self._policy.check_email(profile.verified_email)
        except ChatError:
            # Nothing in the request could be put right: the address is the provider's.
            raise closed() from None


async def _insert_ticket(
    connection: AsyncConnection, departure: Departure, profile: Profile, token: str, user_id: str | None
) -> None:
    ticket = Ticket(
        user_id=user_id,
        provider_id=departure.provider.settings.id,
        issuer=profile.issuer,
        subject=profile.subject,
        email=profile.email,
        email_verified=profile.verified_email is not None,
        is_admin=profile.role == "admin",
    )
    await identity_tickets.insert_ticket(connection, hash_token(token), ticket)


async def _suggest(connection: AsyncConnection, profile: Profile) -> contract.Suggestion:
    """Return what the form is filled with: a user name that is free, as far as a few tries find one."""
    for number in range(1, _SUGGESTIONS_MAX + 1):
        username = domain.number_username(profile.username, number)
        if not await users.is_username_taken(connection, username):
            break
    return contract.Suggestion(username, profile.display_name or username, profile.verified_email)
