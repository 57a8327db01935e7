"""Whether somebody has lately proved who they are: asked before a factor, a password or the account changes.

A session that was left open, or stolen, must not be enough for that (OWASP ASVS 5.0, 7.5.1).
"""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import second_factor
from services.auth.store import logins
from shared.bus import Caller
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError

FRESH_FOR = timedelta(minutes=10)


async def require_fresh(connection: AsyncConnection, caller: Caller) -> None:
    """Hold the caller's login until commit. Raises ChatError `forbidden` with `details.reason` `step_up`.

    The client then asks for one of `details.methods`, calls `auth.step_up`, and repeats the command.
    """
    age = await logins.measure_proof_age(connection, caller.login_id, caller.user_id)
    if age is None or age > FRESH_FOR:
        raise await ask_for_proof(connection, caller.user_id)


async def ask_for_proof(connection: AsyncConnection, user_id: str) -> ChatError:
    """Return the refusal that names what would prove it."""
    methods = await second_factor.list_proofs(connection, user_id)
    details = {"reason": "step_up", "methods": methods}
    return ChatError(ErrorCode.FORBIDDEN, "prove again that it is you", details=details)
