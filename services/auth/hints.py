"""Tells every node that access has ended: the hint `auth.revoked`, after the commit."""

import msgspec

from shared.bus import Bus, subjects
from shared.contracts.internal import Revocation
from shared.errors import ChatError
from shared.telemetry import get_logger

log = get_logger(__name__)


async def announce(bus: Bus, revocation: Revocation) -> None:
    """Publish the row. A lost hint costs seconds, no more: every node also asks for what it lacks."""
    try:
        await bus.publish(subjects.REVOKED, msgspec.json.encode(revocation))
    except ChatError as exc:
        log.warning("hint_lost", rev=revocation.rev, reason=str(exc))
