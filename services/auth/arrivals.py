"""Tells the owner of an account that a login began from where none had before."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import devices
from services.auth.mail.postbox import Postbox
from services.auth.store import logins
from shared.bus import BusRequest
from shared.contracts.entities import Me


class Arrivals:
    """Asked by whoever begins a login."""

    def __init__(self, postbox: Postbox) -> None:
        self._postbox = postbox

    async def is_new(self, connection: AsyncConnection, me: Me, request: BusRequest) -> bool:
        """Whether the user never signed in from this address with this program, as far as is known."""
        known = await logins.list_devices(connection, me.id)
        return not devices.is_known(known, request.caller.address, request.user_agent)

    async def report(self, connection: AsyncConnection, me: Me, request: BusRequest, now: datetime) -> None:
        """Write to a verified address."""
        address, family = request.caller.address, devices.name_family(request.user_agent)
        await self._postbox.notify(
            connection,
            me,
            lambda to, name: self._postbox.texts.new_device(to, name, now, address, family),
        )
