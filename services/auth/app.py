"""The composition root of the auth service: the only file that knows which parts are plugged in."""

from contextlib import AsyncExitStack
from typing import NamedTuple

from asyncpg.exceptions import InterfaceError, PostgresError
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.arrivals import Arrivals
from services.auth.beginning import LoginStarter
from services.auth.commands.calls import Calls
from services.auth.commands.consents import Consents
from services.auth.commands.emails import Emails
from services.auth.commands.invitations import Invitations
from services.auth.commands.logins import Logins
from services.auth.commands.passwords import PasswordChanges
from services.auth.commands.profiles import Profiles
from services.auth.commands.registering import Registering
from services.auth.commands.signing_in import SigningIn
from services.auth.keys import KeyRing, Sealer
from services.auth.limits import Limits
from services.auth.mail import sender as mail_sender
from services.auth.mail.mailing import Mailing
from services.auth.passwords import Passwords, load_common_passwords
from services.auth.registration.policy import RegistrationPolicy
from services.auth.settings import AuthSettings
from services.auth.store.database import ping
from services.auth.store.schema import check_schema
from services.auth.tokens import RefreshTokens
from shared.background import Background
from shared.bus import Bus
from shared.db import create_engine, translate
from shared.dispatch import Dispatcher
from shared.lifecycle import Checks, StartupError, create_private_app

SERVICE = "auth"


def create_app(settings: AuthSettings) -> FastAPI:
    """Return the ASGI app of the private port; its lifespan is the service."""

    async def start(stack: AsyncExitStack) -> Checks:
        engine = create_engine(settings, SERVICE)
        stack.push_async_callback(engine.dispose)
        ring = KeyRing(engine, Sealer(settings.secret))
        await _open_database(engine, ring)
        bus = await Bus.connect(settings.nats_servers, SERVICE)
        stack.push_async_callback(bus.close)
        passwords = Passwords()
        stack.callback(passwords.close)
        load_common_passwords()

        mail = Mailing(engine, settings, settings.secret)
        refresh_tokens = RefreshTokens(settings.secret)
        parts = _Parts(
            engine=engine,
            bus=bus,
            ring=ring,
            refresh_tokens=refresh_tokens,
            starter=LoginStarter(ring, refresh_tokens, Arrivals(mail.postbox)),
            passwords=passwords,
            rates=Limits(settings.auth_rate_factor),
            mail=mail,
        )
        dispatcher = Dispatcher(SERVICE, bus, translate)
        parts.add_logins(dispatcher)
        parts.add_accounts(dispatcher, settings)

        background = await stack.enter_async_context(Background())
        background.run("auth_sweep", lambda: upkeep.sweep_forever(engine))
        background.run("auth_reload_keys", lambda: upkeep.reload_forever(ring))
        if mail.sender is not None:
            background.run(mail_sender.TASK, mail.sender.send_forever)
        await dispatcher.start()
        stack.push_async_callback(dispatcher.drain)
        return {"nats": bus.round_trip, "database": lambda: _ping(engine), "keys": ring.check}

    return create_private_app(SERVICE, settings, start)


class _Parts(NamedTuple):
    """What the commands share."""

    engine: AsyncEngine
    bus: Bus
    ring: KeyRing
    refresh_tokens: RefreshTokens
    starter: LoginStarter
    passwords: Passwords
    rates: Limits
    mail: Mailing

    def add_logins(self, dispatcher: Dispatcher) -> None:
        """Signing in, where one is signed in, who one is."""
        engine, bus = self.engine, self.bus
        SigningIn(
            engine=engine,
            bus=bus,
            ring=self.ring,
            refresh_tokens=self.refresh_tokens,
            starter=self.starter,
            passwords=self.passwords,
            rates=self.rates,
        ).add_to(dispatcher)
        Logins(engine=engine, bus=bus).add_to(dispatcher)
        Profiles(engine=engine).add_to(dispatcher)
        Calls(engine=engine, ring=self.ring).add_to(dispatcher)

    def add_accounts(self, dispatcher: Dispatcher, settings: AuthSettings) -> None:
        """Registration and what it asks for, addresses, passwords."""
        engine, rates, postbox, links = self.engine, self.rates, self.mail.postbox, self.mail.links
        policy = RegistrationPolicy(settings, sends_mail=postbox.is_open)
        if policy.must_verify_email and not postbox.is_open:
            raise StartupError(
                "CHATCRAFT_AUTH_REGISTRATION is domain, which needs mail: set CHATCRAFT_AUTH_SMTP_URL"
            )
        Registering(
            engine=engine,
            starter=self.starter,
            passwords=self.passwords,
            rates=rates,
            policy=policy,
            links=links,
        ).add_to(dispatcher)
        Emails(engine=engine, rates=rates, policy=policy, postbox=postbox, links=links).add_to(dispatcher)
        PasswordChanges(
            engine=engine, bus=self.bus, passwords=self.passwords, rates=rates, postbox=postbox
        ).add_to(dispatcher)
        Invitations(engine=engine).add_to(dispatcher)
        Consents(engine=engine, policy=policy).add_to(dispatcher)


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
