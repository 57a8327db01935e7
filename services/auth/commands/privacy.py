"""Exports and erasures as their owner asks for them, and the parts of an export as a gateway does."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth import administration, hints, limits
from services.auth.administration import By
from services.auth.fresh import require_fresh
from services.auth.limits import Limits
from services.auth.mail.links import hash_token
from services.auth.mail.postbox import Postbox
from services.auth.privacy import asking
from services.auth.privacy.asking import Held
from services.auth.store import audit, erasures, exports, users
from services.auth.store.audit import Deed
from services.auth.store.erasures import Requested
from shared.bus import Bus, Caller
from shared.clock import to_wire
from shared.contracts import internal
from shared.contracts import privacy as contract
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher
from shared.errors import conflict, not_found
from shared.ids import new_id


class Privacy:
    """The handlers and what they need."""

    def __init__(self, *, engine: AsyncEngine, bus: Bus, rates: Limits, postbox: Postbox) -> None:
        self._engine = engine
        self._bus = bus
        self._rates = rates
        self._postbox = postbox

    def add_to(self, dispatcher: Dispatcher) -> None:
        dispatcher.handle(contract.request_export, self.request_export)
        dispatcher.handle(contract.list_exports, self.list_exports)
        dispatcher.handle(contract.delete_export, self.delete_export)
        dispatcher.handle(contract.erase_me, self.erase_me)
        dispatcher.handle(contract.get_erasure, self.get_erasure)
        dispatcher.answer(internal.EXPORT_HEAD, internal.GetExport, self.export_head)
        dispatcher.answer(internal.EXPORT_PART, internal.GetExportPart, self.export_part)

    async def request_export(self, caller: Caller, _asked: Empty) -> contract.Export:
        """Leave an export to be made. Raises ChatError `conflict`, `forbidden`, `rate_limited`."""
        async with self._engine.begin() as connection:
            account = await users.lock_account(connection, caller.user_id, exclusively=True)
            if account is None:
                raise not_found("user")
            await require_fresh(connection, caller)
            if await exports.has_waiting(connection, caller.user_id):
                raise conflict("an export is being made; one at a time")
            await limits.charge(connection, self._rates.export(caller.user_id))
            export = await exports.insert_export(connection, new_id(), caller.user_id)
            await audit.record(connection, _own_deed(caller, "export.requested", export_id=export.id))
        return export

    async def list_exports(self, caller: Caller, _asked: Empty) -> contract.Exports:
        async with self._engine.connect() as connection:
            return contract.Exports(await exports.list_exports(connection, caller.user_id))

    async def delete_export(self, caller: Caller, asked: contract.OneExport) -> Empty:
        async with self._engine.begin() as connection:
            if not await exports.delete_export(connection, asked.export_id, caller.user_id):
                raise not_found("export")
            await audit.record(connection, _own_deed(caller, "export.deleted", export_id=asked.export_id))
        return Empty()

    async def erase_me(self, caller: Caller, asked: contract.EraseMe) -> contract.StartedErasure:
        """Lock the caller and their bots out, and leave the rest to be done: both or neither.

        Raises ChatError `forbidden`, and `conflict` for the last administrator.
        """
        receipt, by = asking.create_receipt(), By(caller.user_id, caller.address)
        async with self._engine.begin() as connection:
            held = await asking.hold(connection, caller.user_id)
            await _refuse(connection, caller, held)
            await self._notify(connection, caller.user_id)
            requested = Requested(new_id(), caller.user_id, hash_token(receipt), asked.messages)
            revocations = await asking.begin(connection, by, held, requested)
            erasure = await erasures.find_by_receipt(connection, requested.receipt_hash)
        assert erasure is not None, "inserted above"
        for revocation in revocations:
            await hints.announce(self._bus, revocation)
        return contract.StartedErasure(receipt, erasure)

    async def get_erasure(self, _caller: Caller, asked: contract.HeldReceipt) -> contract.Erasure:
        async with self._engine.connect() as connection:
            erasure = await erasures.find_by_receipt(connection, hash_token(asked.receipt))
        if erasure is None:
            raise not_found("erasure")
        return erasure

    async def export_head(self, asked: internal.GetExport) -> internal.ExportHead:
        """Say how large an export is, once its owner downloads it. Raises `not_found` for anybody else."""
        async with self._engine.begin() as connection:
            found = await exports.find_ready(connection, asked.export_id, asked.user_id)
            if found is None:
                raise not_found("export")
            details = {"export_id": asked.export_id}
            deed = Deed("export.downloaded", asked.user_id, asked.user_id, asked.address, details)
            await audit.record(connection, deed)
        size_bytes, parts, requested_at = found
        return internal.ExportHead(size_bytes, parts, to_wire(requested_at))

    async def export_part(self, asked: internal.GetExportPart) -> internal.ExportPart:
        async with self._engine.connect() as connection:
            data = await exports.find_part(connection, asked.export_id, asked.user_id, asked.number)
        if data is None:
            raise not_found("export")
        return internal.ExportPart(data)

    async def _notify(self, connection: AsyncConnection, user_id: str) -> None:
        """Tell the address that is about to be forgotten. The mail alone has it then, until it is sent."""
        me = await users.find_me(connection, user_id)
        if me is not None and me.email is not None and me.email_verified:
            await self._postbox.post(
                connection, self._postbox.texts.erasure_begun(me.email, me.username), None
            )


async def _refuse(connection: AsyncConnection, caller: Caller, held: Held) -> None:
    """Raise ChatError where the caller may not erase themselves: `not_found`, `conflict`, `forbidden`."""
    standing = held.standings.get(caller.user_id)
    if standing is None or not standing.is_active:
        raise not_found("user")
    administration.refuse_the_last(held.standings, caller.user_id)
    await require_fresh(connection, caller)


def _own_deed(caller: Caller, action: str, **details: str) -> Deed:
    return Deed(action, caller.user_id, caller.user_id, caller.address, dict(details))
