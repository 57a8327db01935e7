"""Short names for the commands one uses every day: `client.rooms.create("Design")`. Thin, no logic.

Whatever is not here: `client.call(command, request)` works for every command of the registry.
"""

from typing import Literal, Protocol

from shared.contracts import members, presence, rooms, users
from shared.contracts.entities import Me, Member, MemberRole, Membership, Presence, PresenceStatus, Room, User
from shared.contracts.registry import Command, Rep, Req
from shared.ids import new_id


class Caller(Protocol):
    """What the shortcuts need of the client."""

    async def call(self, command: Command[Req, Rep], request: Req) -> Rep: ...


class Rooms:
    def __init__(self, caller: Caller) -> None:
        self._call = caller.call

    async def create(
        self,
        name: str,
        kind: Literal["public", "private"] = "public",
        *,
        topic: str = "",
        member_ids: list[str] | None = None,
    ) -> Room:
        request = rooms.CreateRoom(kind, name, new_id(), topic, member_ids or [])
        return await self._call(rooms.create, request)

    async def open_dm(self, *user_ids: str) -> Room:
        """The one conversation with exactly these people."""
        return await self._call(rooms.open_dm, rooms.OpenDm(list(user_ids)))

    async def get(self, room_id: str) -> Room:
        return await self._call(rooms.get, rooms.OneRoom(room_id))

    async def list_own(self) -> list[rooms.OwnRoom]:
        """All own rooms, every page."""
        found: list[rooms.OwnRoom] = []
        cursor: str | None = None
        while True:
            page = await self._call(rooms.list_own, rooms.ListRooms(cursor=cursor))
            found += page.rooms
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def browse(self, q: str = "") -> list[Room]:
        """The first page of public rooms whose name begins with `q`."""
        return (await self._call(rooms.browse, rooms.BrowseRooms(q))).rooms

    async def join(self, room_id: str) -> Membership:
        return await self._call(rooms.join, rooms.OneRoom(room_id))

    async def leave(self, room_id: str) -> None:
        await self._call(rooms.leave, rooms.OneRoom(room_id))

    async def archive(self, room_id: str) -> Room:
        return await self._call(rooms.archive, rooms.OneRoom(room_id))


class Members:
    def __init__(self, caller: Caller) -> None:
        self._call = caller.call

    async def list_all(self, room_id: str) -> list[Member]:
        """Everybody in the room, every page."""
        found: list[Member] = []
        cursor: str | None = None
        while True:
            page = await self._call(members.list_members, members.ListMembers(room_id, cursor=cursor))
            found += page.members
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def add(self, room_id: str, *user_ids: str) -> list[Member]:
        return (await self._call(members.add, members.AddMembers(room_id, list(user_ids)))).members

    async def remove(self, room_id: str, user_id: str) -> None:
        await self._call(members.remove, members.OneMember(room_id, user_id))

    async def set_role(self, room_id: str, user_id: str, role: MemberRole) -> Member:
        return await self._call(members.set_role, members.SetRole(room_id, user_id, role))


class Users:
    def __init__(self, caller: Caller) -> None:
        self._call = caller.call

    async def me(self) -> Me:
        return await self._call(users.me, users.me.request())

    async def get(self, *user_ids: str) -> list[User]:
        return (await self._call(users.get, users.GetUsers(list(user_ids)))).users

    async def search(self, q: str) -> list[User]:
        """The first page of people whose name begins with `q`."""
        return (await self._call(users.search, users.SearchUsers(q))).users


class PresenceOf:
    def __init__(self, caller: Caller) -> None:
        self._call = caller.call

    async def set(self, status: PresenceStatus, text: str = "", expires_at: str | None = None) -> Presence:
        return await self._call(presence.set_presence, presence.SetPresence(status, text, expires_at))

    async def get(self, *user_ids: str) -> list[Presence]:
        return (await self._call(presence.get, presence.GetPresence(list(user_ids)))).presences
