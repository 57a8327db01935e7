"""What a gateway does with the auth service: commands with a caller, and calls of its own."""

import asyncio
from itertools import count
from typing import Any

import msgspec

from shared import calls
from shared.bus import Bus, Caller
from shared.contracts import auth, internal
from shared.contracts.entities import Tokens
from shared.contracts.errors import ErrorCode
from shared.contracts.registry import Command, Rep, Req
from shared.errors import ChatError
from shared.tokens import Claims, TokenVerifier

PASSWORD = "a fairly long pass phrase"
AGENT = "Tests/1.0"
TIMEOUT_S = 60  # a busy machine that is asked for fifty things at once
_numbers = count(1)


class Client:
    """Speaks as a gateway; `address` is where its caller seems to come from."""

    def __init__(self, bus: Bus, address: str = "192.0.2.1") -> None:
        self.bus = bus
        self.address = address

    def at(self, address: str) -> "Client":
        """Return a client that comes from elsewhere."""
        return Client(self.bus, address)

    async def ask(
        self, command: Command[Req, Rep], request: Req, by: Claims | None = None, agent: str = AGENT
    ) -> Rep:
        """Send a command, as nobody or as the owner of a token."""
        user = (by.user_id, by.login_id, by.role) if by else ("", "", "")
        raw = await self.bus.request(
            command.subject,
            msgspec.json.encode(request),
            caller=Caller(*user, self.address),
            agent=agent,
            timeout_s=TIMEOUT_S,
        )
        return msgspec.json.decode(calls.unwrap(raw), type=command.reply)

    async def register(self, **fields: Any) -> auth.SignedIn:
        """Register somebody new."""
        wanted = {"username": f"user{next(_numbers)}", "password": PASSWORD} | fields
        return await self.ask(auth.register, auth.Register(**wanted))

    async def register_claims(self, **fields: Any) -> tuple[auth.SignedIn, Claims]:
        """Register somebody new; return what their token says as well."""
        signed_in = await self.register(**fields)
        return signed_in, await self.verify(signed_in.tokens)

    async def login(self, login: str, password: str = PASSWORD) -> auth.SignedIn:
        return await self.ask(auth.login, auth.PasswordLogin(login, password))

    async def refresh(self, refresh_token: str | None) -> Tokens:
        return (await self.ask(auth.refresh, auth.Refresh(refresh_token))).tokens

    async def verify(self, tokens: Tokens) -> Claims:
        """Verify an access token with the published keys."""
        asked = internal.NoRequest()
        keys = await calls.call(self.bus, internal.KEYS, asked, internal.Keys, timeout_s=TIMEOUT_S)
        verifier = TokenVerifier()
        verifier.set_keys(keys.keys)
        return verifier.verify(tokens.access_token)

    async def revocations(self, after_rev: int = 0) -> internal.Revocations:
        asked = internal.GetRevocations(after_rev)
        return await calls.call(
            self.bus, internal.REVOCATIONS, asked, internal.Revocations, timeout_s=TIMEOUT_S
        )


async def code_of(work: Any) -> ErrorCode | None:
    """Return the code with which a request is refused, or None if it is not."""
    try:
        await asyncio.wait_for(work, 30)
    except ChatError as exc:
        return exc.code
    return None
