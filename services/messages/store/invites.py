"""Invitations of rooms. Their secrets are kept hashed; uses are counted under the room's lock."""

from datetime import datetime
from typing import Any, NamedTuple

from services.messages.store.connection import Connection
from shared.clock import to_wire
from shared.contracts.invites import Invite

_COLUMNS = "i.id, i.room_id, i.secret_hash, i.created_by, i.created_at, i.expires_at, i.max_uses, i.uses"
_IS_LIVE = """(i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > clock_timestamp())
    AND (i.max_uses IS NULL OR i.uses < i.max_uses))"""

_ADD = """
INSERT INTO messages.invites (room_id, id, secret_hash, created_by, created_at, expires_at, max_uses)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_PURGE = f"DELETE FROM messages.invites i WHERE i.room_id = $1 AND NOT {_IS_LIVE}"
_COUNT = "SELECT count(*) FROM messages.invites WHERE room_id = $1"
_FIND = f"SELECT {_COLUMNS}, {_IS_LIVE} FROM messages.invites i WHERE i.room_id = $1 AND i.id = $2"
_LIVE = f"""
SELECT {_COLUMNS}, true FROM messages.invites i WHERE i.room_id = $1 AND {_IS_LIVE}
ORDER BY i.created_at DESC, i.id LIMIT $2
"""
_REVOKE = """
UPDATE messages.invites SET revoked_at = coalesce(revoked_at, clock_timestamp())
WHERE room_id = $1 AND id = $2
"""
_REVOKE_ALL_OF = """
UPDATE messages.invites SET revoked_at = clock_timestamp()
WHERE room_id = $1 AND created_by = $2 AND revoked_at IS NULL
"""
_USE = "UPDATE messages.invites SET uses = uses + 1 WHERE room_id = $1 AND id = $2"


class InviteRow(NamedTuple):
    id: str
    room_id: str
    secret_hash: bytes
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    max_uses: int | None
    uses: int
    is_live: bool
    """Neither revoked, nor expired, nor used up, by the database's clock."""

    def to_wire(self, code: str | None = None) -> Invite:
        return Invite(
            id=self.id, room_id=self.room_id, created_by=self.created_by, created_at=to_wire(self.created_at),
            expires_at=to_wire(self.expires_at) if self.expires_at else None, max_uses=self.max_uses,
            uses=self.uses, code=code,
        )  # fmt: skip


async def add_invite(connection: Connection, invite: InviteRow) -> None:
    await connection.execute(
        _ADD, invite.room_id, invite.id, invite.secret_hash, invite.created_by, invite.created_at,
        invite.expires_at, invite.max_uses,
    )  # fmt: skip


async def count_live_invites(connection: Connection, room_id: str) -> int:
    """Delete what can no longer be used, and return how many are left. The room must be locked.

    So a room never keeps more rows than it may have live ones, and no sweep is needed.
    """
    await connection.execute(_PURGE, room_id)
    count: int = await connection.fetchval(_COUNT, room_id)
    return count


async def find_invite(connection: Connection, room_id: str, invite_id: str) -> InviteRow | None:
    """Return the invitation, dead ones too."""
    record = await connection.fetchrow(_FIND, room_id, invite_id)
    return _invite_row(record) if record else None


async def list_live_invites(connection: Connection, room_id: str, limit: int) -> list[InviteRow]:
    """Return those that can be used, newest first."""
    return [_invite_row(record) for record in await connection.fetch(_LIVE, room_id, limit)]


async def revoke_invite(connection: Connection, room_id: str, invite_id: str) -> None:
    await connection.execute(_REVOKE, room_id, invite_id)


async def revoke_invites_of(connection: Connection, room_id: str, user_id: str) -> None:
    """End every invitation that this user made to the room."""
    await connection.execute(_REVOKE_ALL_OF, room_id, user_id)


async def use_invite(connection: Connection, room_id: str, invite_id: str) -> None:
    """Count one use. The room must be locked, and the invitation found live under that lock."""
    await connection.execute(_USE, room_id, invite_id)


def _invite_row(record: Any) -> InviteRow:
    invite_id, room_id, secret_hash, created_by, *rest = record
    return InviteRow(str(invite_id), str(room_id), secret_hash, str(created_by), *rest)
