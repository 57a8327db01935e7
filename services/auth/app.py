"""The composition root of the auth service: the only file that knows which parts are plugged in."""

from contextlib import AsyncExitStack

from asyncpg.exceptions import InterfaceError, PostgresError
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import upkeep
from services.auth.beginning import LoginStarter
from services.auth.commands.calls import Calls
from services.auth.commands.factors import Factors
from services.auth.commands.logins import Logins
from services.auth.commands.passkeys import Passkeys
from services.auth.commands.profiles import Profiles
from services.auth.commands.second_step import SecondStep
from services.auth.commands.signing_in import SigningIn
from services.auth.commands.stepping_up import SteppingUp
from services.auth.keys import KeyRing, Sealer
from services.auth.limits import Limits
from services.auth.passkey_proof import PasskeyProofs
from services.auth.passwords import Passwords, load_common_passwords
from services.auth.recovery_codes import RecoveryCodes
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

        dispatcher = Dispatcher(SERVICE, bus, translate)
        parts = _Parts(settings, engine, bus, ring, passwords)
        _add_logins(parts, dispatcher)
        _add_factors(parts, dispatcher)
        Profiles(engine=engine).add_to(dispatcher)
        Calls(engine=engine, ring=ring).add_to(dispatcher)

        background = await stack.enter_async_context(Background())
        background.run("auth_sweep", lambda: upkeep.sweep_forever(engine))
        background.run("auth_reload_keys", lambda: upkeep.reload_forever(ring))
        await dispatcher.start()
        stack.push_async_callback(dispatcher.drain)
        return {"nats": bus.round_trip, "database": lambda: _ping(engine), "keys": ring.check}

    return create_private_app(SERVICE, settings, start)


class _Parts:
    """What the handlers are made of."""

    def __init__(
        self, settings: AuthSettings, engine: AsyncEngine, bus: Bus, ring: KeyRing, passwords: Passwords
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.bus = bus
        self.ring = ring
        self.passwords = passwords
        self.refresh_tokens = RefreshTokens(settings.secret)
        self.starter = LoginStarter(ring, self.refresh_tokens)
        self.rates = Limits(settings.auth_rate_factor)


def _add_logins(parts: _Parts, dispatcher: Dispatcher) -> None:
    SigningIn(
        engine=parts.engine,
        bus=parts.bus,
        ring=parts.ring,
        refresh_tokens=parts.refresh_tokens,
        starter=parts.starter,
        passwords=parts.passwords,
        rates=parts.rates,
    ).add_to(dispatcher)
    Logins(engine=parts.engine, bus=parts.bus).add_to(dispatcher)


def _add_factors(parts: _Parts, dispatcher: Dispatcher) -> None:
    settings, engine, bus, rates = parts.settings, parts.engine, parts.bus, parts.rates
    totp = TotpSecrets(settings.secret, f"ChatCraft {settings.auth_rp_id}")
    recovery = RecoveryCodes(settings.secret)
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
