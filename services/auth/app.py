"""The composition root of the auth service: the only file that knows which parts are plugged in."""

from contextlib import AsyncExitStack
from datetime import timedelta

from asyncpg.exceptions import InterfaceError, PostgresError
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.arrivals import Arrivals
from services.auth.beginning import LoginStarter
from services.auth.commands.administration import Administration
from services.auth.commands.bots import Bots
from services.auth.commands.calls import Calls
from services.auth.commands.consents import Consents
from services.auth.commands.emails import Emails
from services.auth.commands.factors import Factors
from services.auth.commands.invitations import Invitations
from services.auth.commands.logins import Logins
from services.auth.commands.passkeys import Passkeys
from services.auth.commands.passwords import PasswordChanges
from services.auth.commands.profiles import Profiles
from services.auth.commands.refreshing import Refreshing
from services.auth.commands.registering import Registering
from services.auth.commands.second_step import SecondStep
from services.auth.commands.signing_in import SigningIn
from services.auth.commands.stepping_up import SteppingUp
from services.auth.commands.tokens import Tokens
from services.auth.keys import KeyRing, Sealer
from services.auth.limits import Limits
from services.auth.mail import sender as mail_sender
from services.auth.mail.mailing import Mailing
from services.auth.mail.sealing import MailSealer
from services.auth.minting import TokenMint
from services.auth.passkey_proof import PasskeyProofs
from services.auth.passwords import Passwords, load_common_passwords
from services.auth.recovery_codes import RecoveryCodes
from services.auth.registration.policy import RegistrationPolicy
from services.auth.relying_party import RelyingParty
from services.auth.second_factor import CodeChecker
from services.auth.settings import AuthSettings
from services.auth.store.database import ping
from services.auth.store.schema import check_schema
from services.auth.tokens import RefreshTokens
from services.auth.totp import TotpSecrets
from shared.background import Background
from shared.bus import Bus
from shared.db import create_engine, translate
from shared.dispatch import Dispatcher
from shared.lifecycle import Checks, StartupError, create_private_app
from shared.tracing import open_tracer

SERVICE = "auth"


def create_app(settings: AuthSettings) -> FastAPI:
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
        for add in (_add_logins, _add_accounts, _add_factors, _add_bots):
            add(parts, dispatcher)

        background = await stack.enter_async_context(Background())
        background.run("auth_sweep", lambda: upkeep.sweep_forever(engine))
        every = timedelta(days=settings.auth_key_rotation_days)
        background.run("auth_keys", lambda: upkeep.tend_keys_forever(engine, sealer, ring, every))
        if parts.mail.sender is not None:
            background.run(mail_sender.TASK, parts.mail.sender.send_forever)
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


def _add_logins(parts: _Parts, dispatcher: Dispatcher) -> None:
    """Signing in, where one is signed in, who one is."""
    SigningIn(
        engine=parts.engine, starter=parts.starter, passwords=parts.passwords, rates=parts.rates
    ).add_to(dispatcher)
    Refreshing(
        engine=parts.engine,
        bus=parts.bus,
        ring=parts.ring,
        refresh_tokens=parts.refresh_tokens,
        limits=parts.login_limits,
    ).add_to(dispatcher)
    Logins(engine=parts.engine, bus=parts.bus).add_to(dispatcher)
    Administration(engine=parts.engine, bus=parts.bus).add_to(dispatcher)
    Profiles(engine=parts.engine).add_to(dispatcher)
    Calls(engine=parts.engine, ring=parts.ring).add_to(dispatcher)


def _add_accounts(parts: _Parts, dispatcher: Dispatcher) -> None:
    """Registration and what it asks for, addresses, passwords."""
    engine, passwords, rates = parts.engine, parts.passwords, parts.rates
    postbox, links = parts.mail.postbox, parts.mail.links
    policy = RegistrationPolicy(parts.settings, sends_mail=postbox.is_open)
    if policy.must_verify_email and not postbox.is_open:
        raise StartupError(
            "CHATCRAFT_AUTH_REGISTRATION is domain, which needs mail: set CHATCRAFT_AUTH_SMTP_URL"
        )
    Registering(
        engine=engine, starter=parts.starter, passwords=passwords, rates=rates, policy=policy, links=links
    ).add_to(dispatcher)
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
    party = RelyingParty(settings.auth_rp_id, settings.origins)
    codes, proofs = CodeChecker(totp, recovery), PasskeyProofs(engine, party)
    Factors(engine=engine, bus=bus, totp=totp, recovery=recovery).add_to(dispatcher)
    Passkeys(engine=engine, bus=bus, party=party).add_to(dispatcher)
    SecondStep(engine=engine, starter=parts.starter, codes=codes, proofs=proofs, rates=rates).add_to(
        dispatcher
    )
    SteppingUp(engine=engine, passwords=parts.passwords, codes=codes, proofs=proofs, rates=rates).add_to(
        dispatcher
    )


def _add_bots(parts: _Parts, dispatcher: Dispatcher) -> None:
    """API tokens, and who acts by them."""
    engine, bus, rates = parts.engine, parts.bus, parts.rates
    mint = TokenMint(engine, bus, rates, parts.settings.auth_tokens_per_user)
    Tokens(mint=mint).add_to(dispatcher)
    Bots(
        engine=engine, bus=bus, mint=mint, rates=rates, bots_max=parts.settings.auth_bots_per_owner
    ).add_to(dispatcher)  # fmt: skip


async def _open_database(engine: AsyncEngine, ring: KeyRing) -> None:
    try:
        async with engine.connect() as connection:
            await check_schema(connection)
        await ring.load()
    except (SQLAlchemyError, PostgresError, InterfaceError, OSError) as exc:
        reason = str(exc).partition("\n")[0] or type(exc).__name__
        raise StartupError(f"the database does not let us in: {reason}") from exc


async def _ping(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await ping(connection)
