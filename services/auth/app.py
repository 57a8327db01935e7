"""The composition root of the auth service: the only file that knows which parts are plugged in."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from asyncpg.exceptions import InterfaceError, PostgresError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from services.auth import upkeep
from services.auth.arrivals import Arrivals
from services.auth.beginning import LoginStarter
from services.auth.commands.administration import Administration
from services.auth.commands.bots import Bots
from services.auth.commands.calls import Calls
from services.auth.commands.consents import Consents
from services.auth.commands.emails import Emails
from services.auth.commands.factors import Factors
from services.auth.commands.identities import Identities
from services.auth.commands.invitations import Invitations
from services.auth.commands.logins import Logins
from services.auth.commands.oidc import Oidc
from services.auth.commands.passkeys import Passkeys
from services.auth.commands.passwords import PasswordChanges
from services.auth.commands.privacy import Privacy
from services.auth.commands.profiles import Profiles
from services.auth.commands.refreshing import Refreshing
from services.auth.commands.registering import Registering
from services.auth.commands.registering_oidc import RegisteringOidc
from services.auth.commands.second_step import SecondStep
from services.auth.commands.signing_in import SigningIn
from services.auth.commands.stepping_up import SteppingUp
from services.auth.commands.tokens import Tokens
from services.auth.keys import KeyRing, Sealer
from services.auth.ldap.door import DirectoryDoor
from services.auth.limits import Limits
from services.auth.mail import sender as mail_sender
from services.auth.mail.mailing import Mailing
from services.auth.mail.sealing import MailSealer
from services.auth.minting import TokenMint
from services.auth.oidc.journeys import Journeys
from services.auth.oidc.providers import Providers
from services.auth.passkey_proof import PasskeyProofs
from services.auth.passwords import Passwords, load_common_passwords
from services.auth.privacy import erasing, exporting
from services.auth.privacy.erasing import Eraser
from services.auth.privacy.exporting import ExportMaker
from services.auth.provider_proof import ProviderProofs
from services.auth.recovery_codes import RecoveryCodes
from services.auth.registration.policy import RegistrationPolicy
from services.auth.registration.proof_of_work import WorkGate
from services.auth.relying_party import RelyingParty
from services.auth.second_factor import CodeChecker
from services.auth.settings import AuthSettings
from services.auth.store.database import ping
from services.auth.store.identities import DIRECTORY
from services.auth.store.schema import check_schema
from services.auth.tokens import RefreshTokens
from services.auth.totp import TotpSecrets
from shared.background import Background
from shared.bus import Bus
from shared.db import create_engine, explain, translate
from shared.dispatch import Dispatcher
from shared.lifecycle import Checks, StartupError, create_private_app
from shared.outages import Outage
from shared.tracing import open_tracer

if TYPE_CHECKING:  # it needs the extra
    from services.auth.ldap.directory import Directory

SERVICE = "auth"


def create_app(settings: AuthSettings) -> Starlette:
    """Return the ASGI app of the private port; its lifespan is the service."""

    async def start(stack: AsyncExitStack) -> Checks:
        tracer = open_tracer(settings, SERVICE, stack)
        engine = create_engine(settings, SERVICE, tracer)
        stack.push_async_callback(engine.dispose)
        sealer = Sealer(settings.secret, settings.previous_secrets)
        ring = KeyRing(engine, sealer)
        await _open_database(engine, ring)
        bus = await Bus.connect(settings.nats_servers, SERVICE, tracer)
        stack.push_async_callback(bus.close)
        passwords = Passwords()
        stack.callback(passwords.close)
        load_common_passwords()

        dispatcher = Dispatcher(SERVICE, bus, translate, tracer)
        parts = _Parts(settings, engine, bus, ring, passwords)
        stack.push_async_callback(parts.providers.close)
        if parts.directory is not None:
            stack.callback(parts.directory.close)
        for add in (_add_logins, _add_accounts, _add_factors, _add_bots, _add_identities, _add_privacy):
            add(parts, dispatcher)

        background = await stack.enter_async_context(Background(Outage(lambda: _ping(engine), translate)))
        background.run("auth_sweep", lambda: upkeep.sweep_forever(engine))
        every = timedelta(days=settings.auth_key_rotation_days)
        background.run("auth_keys", lambda: upkeep.tend_keys_forever(engine, sealer, ring, every))
        if parts.mail.sender is not None:
            background.run(mail_sender.TASK, parts.mail.sender.send_forever)
        background.run(erasing.TASK, Eraser(engine, bus).run_forever)
        background.run(exporting.TASK, ExportMaker(engine, bus, parts.mail.postbox).run_forever)
        await dispatcher.start()
        stack.push_async_callback(dispatcher.drain)
        return {"nats": bus.round_trip, "database": lambda: _ping(engine), "keys": ring.check}

    return create_private_app(SERVICE, settings, start)


class _Parts:
    """What the handlers are made of."""

    def __init__(
        self, settings: AuthSettings, engine: AsyncEngine, bus: Bus, ring: KeyRing, passwords: Passwords
    ) -> None:
        secrets = (settings.secret, settings.previous_secrets)
        self.settings = settings
        self.engine = engine
        self.bus = bus
        self.ring = ring
        self.passwords = passwords
        self.mail = Mailing(engine, settings, MailSealer(*secrets))
        self.login_limits = settings.login_limits
        self.refresh_tokens = RefreshTokens(*secrets)
        self.starter = LoginStarter(ring, self.refresh_tokens, self.login_limits, Arrivals(self.mail.postbox))
        self.rates = Limits(settings.auth_rate_factor)
        self.policy = RegistrationPolicy(settings, sends_mail=self.mail.postbox.is_open)
        self.providers = Providers(settings)
        self.journeys = Journeys(self.providers)
        self.directory = _open_directory(settings)
        self.door = DirectoryDoor(engine, bus, self.directory) if self.directory else None
        self.name_by_issuer = self.providers.name_by_issuer
        if self.directory is not None:
            self.name_by_issuer[DIRECTORY] = self.directory.settings.name


def _add_logins(parts: _Parts, dispatcher: Dispatcher) -> None:
    """Signing in, where one is signed in, who one is."""
    SigningIn(
        engine=parts.engine, starter=parts.starter, passwords=parts.passwords, rates=parts.rates,
        door=parts.door,
    ).add_to(dispatcher)  # fmt: skip
    Refreshing(
        engine=parts.engine,
        bus=parts.bus,
        ring=parts.ring,
        refresh_tokens=parts.refresh_tokens,
        limits=parts.login_limits,
    ).add_to(dispatcher)
    Logins(engine=parts.engine, bus=parts.bus).add_to(dispatcher)
    Administration(engine=parts.engine, bus=parts.bus, postbox=parts.mail.postbox).add_to(dispatcher)
    Profiles(engine=parts.engine).add_to(dispatcher)
    Calls(engine=parts.engine, ring=parts.ring).add_to(dispatcher)


def _add_accounts(parts: _Parts, dispatcher: Dispatcher) -> None:
    """Registration and what it asks for, addresses, passwords."""
    settings, engine, passwords, rates = parts.settings, parts.engine, parts.passwords, parts.rates
    postbox, links, policy = parts.mail.postbox, parts.mail.links, parts.policy
    if policy.must_verify_email and not postbox.is_open:
        raise StartupError(
            "CHATCRAFT_AUTH_REGISTRATION is domain, which needs mail: set CHATCRAFT_AUTH_SMTP_URL"
        )
    Registering(
        engine=engine, starter=parts.starter, passwords=passwords, rates=rates, policy=policy, links=links,
        providers=parts.providers.describe(),
        work=WorkGate(settings.auth_proof_of_work_bits, settings.secret, settings.previous_secrets),
    ).add_to(dispatcher)  # fmt: skip
    Emails(engine=engine, rates=rates, policy=policy, postbox=postbox, links=links).add_to(dispatcher)
    PasswordChanges(engine=engine, bus=parts.bus, passwords=passwords, rates=rates, postbox=postbox).add_to(
        dispatcher
    )
    Invitations(engine=engine).add_to(dispatcher)
    Consents(engine=engine, policy=policy).add_to(dispatcher)


def _add_factors(parts: _Parts, dispatcher: Dispatcher) -> None:
    """What one proves oneself with beside the password."""
    settings, engine, bus, rates = parts.settings, parts.engine, parts.bus, parts.rates
    totp = TotpSecrets(settings.secret, f"ChatCraft {settings.auth_rp_id}", settings.previous_secrets)
    recovery = RecoveryCodes(settings.secret, settings.previous_secrets)
    party, postbox = RelyingParty(settings.auth_rp_id, settings.origins), parts.mail.postbox
    codes, proofs = CodeChecker(totp, recovery, postbox), PasskeyProofs(engine, party)
    Factors(engine=engine, bus=bus, postbox=postbox, totp=totp, recovery=recovery).add_to(dispatcher)
    Passkeys(
        engine=engine, bus=bus, postbox=postbox, party=party, issuers=parts.name_by_issuer
    ).add_to(dispatcher)  # fmt: skip
    SecondStep(engine=engine, starter=parts.starter, codes=codes, proofs=proofs, rates=rates).add_to(
        dispatcher
    )
    SteppingUp(
        engine=engine, passwords=parts.passwords, codes=codes, proofs=proofs, rates=rates, door=parts.door,
        providers=ProviderProofs(engine, parts.providers, parts.journeys),
    ).add_to(dispatcher)  # fmt: skip


def _add_bots(parts: _Parts, dispatcher: Dispatcher) -> None:
    """API tokens, and who acts by them."""
    engine, bus, rates = parts.engine, parts.bus, parts.rates
    mint = TokenMint(engine, bus, parts.mail.postbox, rates, parts.settings.auth_tokens_per_user)
    Tokens(mint=mint).add_to(dispatcher)
    Bots(
        engine=engine, bus=bus, mint=mint, rates=rates, bots_max=parts.settings.auth_bots_per_owner
    ).add_to(dispatcher)  # fmt: skip


def _add_privacy(parts: _Parts, dispatcher: Dispatcher) -> None:
    """Exports, and the end of an account."""
    Privacy(engine=parts.engine, bus=parts.bus, rates=parts.rates, postbox=parts.mail.postbox).add_to(
        dispatcher
    )


def _add_identities(parts: _Parts, dispatcher: Dispatcher) -> None:
    """Signing in at providers."""
    engine, bus, rates, providers = parts.engine, parts.bus, parts.rates, parts.providers
    policy, journeys = parts.policy, parts.journeys
    Oidc(
        engine=engine, bus=bus, starter=parts.starter, rates=rates, policy=policy, journeys=journeys
    ).add_to(dispatcher)  # fmt: skip
    RegisteringOidc(
        engine=engine, starter=parts.starter, rates=rates, policy=policy, providers=providers
    ).add_to(dispatcher)  # fmt: skip
    Identities(
        engine=engine, bus=bus, postbox=parts.mail.postbox, rates=rates, providers=providers,
        journeys=journeys, name_by_issuer=parts.name_by_issuer,
    ).add_to(dispatcher)  # fmt: skip


def _open_directory(settings: AuthSettings) -> "Directory | None":
    if settings.directory is None:
        return None
    try:
        from services.auth.ldap.directory import Directory  # noqa: PLC0415 - an extra, for who has a directory
    except ImportError as exc:
        raise StartupError(
            "CHATCRAFT_AUTH_LDAP needs the extra `ldap`: pip install 'chatcraft[ldap]'"
        ) from exc
    try:
        return Directory(settings.directory)
    except OSError as exc:
        raise StartupError(f"CHATCRAFT_AUTH_LDAP: ca_file cannot be read: {exc}") from exc


async def _open_database(engine: AsyncEngine, ring: KeyRing) -> None:
    try:
        async with engine.connect() as connection:
            await check_schema(connection)
        await ring.load()
    except (SQLAlchemyError, PostgresError, InterfaceError, OSError) as exc:
        raise StartupError(f"PostgreSQL: {explain(exc)}") from exc


async def _ping(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await ping(connection)
