"""People and rooms by the thousand, written straight into the database: hashing 15,000 passwords takes hours.

Tokens are signed with the deployment's own key. Everything that is read later goes through the services.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from services.auth.keys import Sealer
from services.auth.settings import AuthSettings
from services.auth.store.keys import SealedKey
from shared.ids import new_id
from shared.tokens import ACCESS_TOKEN_S, Claims, sign


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, signed in."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class MadeRoom:
    """A room as it stands in the database."""

    id: str
    rev: int
    members: tuple[Person, ...]


class Population:
    """Adds people and rooms to a running ChatCraft that nobody else writes to."""

    def __init__(self, database_url: str, secret_key: str) -> None:
        self._database_url = database_url
        settings = AuthSettings(
            database_url=database_url, nats_url="nats://none", health_port=1, secret_key=secret_key
        )
        self._sealer = Sealer(settings.secret)

    async def add_people(self, count: int, signed_in_s: int = ACCESS_TOKEN_S) -> list[Person]:
        """Add accounts without a password, and sign them in, by default for 15 minutes."""
        now = datetime.now(UTC)
        ids = [new_id() for _ in range(count)]
        columns = [
            "id",
            "username",
            "display_name",
            "display_key",
            "role",
            "bio",
            "email_verified",
            "created_at",
        ]
        rows = [(each, f"load-{each}", "Load", "load", "member", "", False, now) for each in ids]
        connection = await asyncpg.connect(self._database_url)
        try:
            await connection.copy_records_to_table("users", schema_name="auth", columns=columns, records=rows)
            sealed = await connection.fetchrow(
                "SELECT id, sealed, valid_from, valid_until FROM auth.keys ORDER BY valid_from LIMIT 1"
            )
        finally:
            await connection.close()
        key_id, key = str(sealed["id"]), self._sealer.open(SealedKey(*sealed))
        issued_at = time.time()
        expires_at = int(issued_at) + signed_in_s
        claims = (Claims(each, new_id(), "member", "load", "Load", issued_at, expires_at) for each in ids)
        return [Person(each.user_id, sign(each, key, key_id)) for each in claims]

    async def add_rooms(self, rooms: Sequence[Sequence[Person]]) -> list[MadeRoom]:
        """Add private rooms of these people; nobody may be given rooms in two calls."""
        now = datetime.now(UTC)
        made = [MadeRoom(new_id(), len(members), tuple(members)) for members in rooms]
        count_by_user: dict[str, int] = {}
        room_rows, memberships, user_rooms = [], [], []
        for room in made:
            owner = room.members[0].id
            room_rows.append((room.id, "private", "load", owner, now, room.rev, len(room.members), now))
            for rev, member in enumerate(room.members, 1):
                user_rev = count_by_user[member.id] = count_by_user.get(member.id, 0) + 1
                role = "owner" if member.id == owner else "member"
                memberships.append((room.id, member.id, role, now, rev))
                user_rooms.append((member.id, room.id, user_rev))
        timelines = [(user_id, count, count) for user_id, count in count_by_user.items()]
        await self._copy("rooms", "id kind name created_by created_at rev member_count active_at", room_rows)
        await self._copy("memberships", "room_id user_id role joined_at rev", memberships)
        await self._copy("user_rooms", "user_id room_id user_rev", user_rooms)
        await self._copy("user_timelines", "user_id rev room_count", timelines)
        return made

    async def _copy(self, table: str, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
        connection = await asyncpg.connect(self._database_url)
        try:
            await connection.copy_records_to_table(
                table, schema_name="messages", columns=columns.split(), records=rows
            )
            await connection.execute(f"ANALYZE messages.{table}")
        finally:
            await connection.close()
