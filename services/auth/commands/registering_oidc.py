"""Register with an account elsewhere instead of a password: the same policy, the same consents."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import domain, limits
from services.auth.administration import By
from services.auth.beginning import LoginStarter
from services.auth.limits import Limits
from services.auth.mail.links import hash_token
from services.auth.newcomers import Newcomer, insert_newcomer
from services.auth.oidc.providers import Providers
from services.auth.registration.inviting import look_at_invitation, use_invitation
from services.auth.registration.policy import RegistrationPolicy
from services.auth.store import consents, identity_tickets
from services.auth.store.identities import NewIdentity
from services.auth.store.identity_tickets import Ticket
from shared.bus import BusRequest
from shared.contracts import auth
from shared.contracts import identities as contract
from shared.contracts.errors import ErrorCode
from shared.dispatch import Dispatcher
from shared.errors import ChatError


class _Applicant(Struct, frozen=True):
    """What the policy asks about: what was sent, and the address that the provider has verified."""

    email: str | None
    invitation: str | None
    accepts_terms: str | None
    is_old_enough: bool


class RegisteringOidc:
    """The handler and what it needs."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        starter: LoginStarter,
        rates: Limits,
        policy: RegistrationPolicy,
        providers: Providers,
    ) -> None:
        self._engine = engine
        self._starter = starter
        self._rates = rates
        self._policy = policy
        self._providers = providers

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle_request(contract.register_oidc, self.register_oidc)

    async def register_oidc(self, request: BusRequest, asked: contract.RegisterOidc) -> auth.SignedIn:
        """Create an account without a password. A refusal that can be put right leaves the token usable."""
        username, token_hash = domain.fold_username(asked.username), hash_token(asked.registration_token)
        address = request.caller.address
        async with self._engine.begin() as connection:
            await limits.charge(connection, self._rates.registration(address))
            ticket = await identity_tickets.find_ticket(connection, token_hash, None)
            if ticket is None:
                raise _expired()
            self._policy.admit(_describe(ticket, asked))
            await look_at_invitation(connection, self._policy, asked.invitation)
        async with self._engine.begin() as connection:
            ticket = await identity_tickets.take(connection, token_hash, None)
            if ticket is None:
                raise _expired()
            newcomer = Newcomer(
                username, asked.display_name or username, _get_verified(ticket), ticket.is_admin
            )
            by = By(address=address, details={"provider_id": ticket.provider_id})
            me = await insert_newcomer(connection, newcomer, self._identify(ticket), by)
            await consents.insert_consents(connection, me.id, self._policy.list_required())
            signed_in = await self._starter.begin(connection, me, request, "oidc", is_new_account=True)
            await use_invitation(connection, self._policy, me, address, asked.invitation)
        return signed_in

    def _identify(self, ticket: Ticket) -> NewIdentity:
        name = self._providers.get(ticket.provider_id).settings.name
        return NewIdentity(ticket.provider_id, name, ticket.issuer, ticket.subject, ticket.email)


def _get_verified(ticket: Ticket) -> str | None:
    return ticket.email if ticket.email_verified else None


def _describe(ticket: Ticket, asked: contract.RegisterOidc) -> _Applicant:
    return _Applicant(_get_verified(ticket), asked.invitation, asked.accepts_terms, asked.is_old_enough)


def _expired() -> ChatError:
    return ChatError(ErrorCode.UNAUTHENTICATED, "too much time has passed; sign in at the provider again")
