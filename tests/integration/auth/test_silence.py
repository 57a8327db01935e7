"""What a process that says all it can does not say: a secret, a code, a token of the second step."""

import asyncio
import signal
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local import ports, probe
from shared.bus import Bus
from shared.contracts import proving
from shared.contracts.errors import ErrorCode
from tests.authenticator import Authenticator
from tests.integration.auth.client import PASSWORD, Client, code_of
from tests.integration.auth.factors import (
    add_passkey,
    give_password,
    login_by_passkey,
    read_clock,
    register_with_totp,
)
from tests.integration.auth.test_process import START_S, start


async def test_no_factor_is_ever_logged(
    database_url: str, nats_url: Callable[[str], str], bus: Bus, engine: AsyncEngine
):
    port = ports.pick_free()
    process = await start(database_url, nats_url("auth"), port)
    try:
        async with asyncio.timeout(START_S):
            while not await probe.is_http_ok("127.0.0.1", port, "/readyz"):
                assert process.returncode is None
                await asyncio.sleep(0.05)  # between two looks at the condition
        secrets = await use_everything(Client(bus), engine)
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), START_S)
    said = output.decode()
    assert "started" in said
    assert not [secret for secret in secrets if secret in said]


async def use_everything(client: Client, engine: AsyncEngine) -> list[str]:
    """Use every factor, rightly and wrongly; return what nobody may read of it."""
    owner = await register_with_totp(client, engine)
    authenticator = Authenticator()
    await add_passkey(client, owner.claims, authenticator)
    token = await give_password(client, owner)
    code = owner.code(await read_clock(engine), 1)
    used = [owner.recovery_codes[0], "no-such-code", code]
    outcomes = [
        await code_of(client.ask(proving.login_totp, proving.TotpLogin(token, each))) for each in used[1:]
    ]
    assert outcomes == [ErrorCode.MFA_FAILED, None]
    by_code = client.ask(proving.step_up, proving.StepUp(code=used[0]), owner.claims)
    by_password = client.ask(
        proving.step_up, proving.StepUp(password="not my pass phrase", code="no-such-code"), owner.claims
    )
    assert [await code_of(by_code), await code_of(by_password)] == [None, ErrorCode.MFA_FAILED]
    signed_in = await login_by_passkey(client, authenticator)
    authenticator.origin = "https://evil.example"
    assert await code_of(login_by_passkey(client, authenticator)) is ErrorCode.UNAUTHENTICATED
    tokens = [signed_in.tokens.access_token, str(signed_in.tokens.refresh_token)]
    return [PASSWORD, "not my pass phrase", owner.secret, token, *used, *tokens, authenticator.origin]
