"""Who may see and do what in a room. The store asks on every path; knows roles, not tables."""

from collections.abc import Collection

from shared.contracts.entities import MemberRole, RoomKind
from shared.errors import ChatError, conflict, forbidden, not_found

_RANK: dict[MemberRole, int] = {"member": 0, "moderator": 1, "owner": 2}
DM_KINDS = ("dm", "group_dm")


def refuse_outsider(kind: str) -> ChatError:
    """Return what a non-member is told: a private room does not exist, a public one is closed to them."""
    return forbidden("only members may do that") if kind == "public" else not_found("room")


def check_role(role: MemberRole, least: MemberRole) -> None:
    """Raise `forbidden` unless `role` is at least `least`."""
    if _RANK[role] < _RANK[least]:
        raise forbidden(f"only {'an owner' if least == 'owner' else 'a moderator or owner'} may do that")


def check_open(is_archived: bool) -> None:
    """Raise `conflict` for a room that is closed for writing."""
    if is_archived:
        raise conflict("the room is archived")


def check_thread_root(thread_id: str | None) -> None:
    """Raise `conflict` for a message that is itself in a thread."""
    if thread_id is not None:
        raise conflict("a thread cannot begin within a thread")


def check_has_roles(kind: str) -> None:
    """Raise `conflict` for a direct conversation: its people, name and roles never change."""
    if kind in DM_KINDS:
        raise conflict("a direct conversation does not change")


def check_removable(actor: MemberRole, target: MemberRole) -> None:
    """Raise `forbidden` unless `actor` may put `target` out of the room: nobody touches those above."""
    check_role(actor, "moderator")
    if _RANK[target] > _RANK[actor]:
        raise forbidden("only an owner may remove an owner")


def check_owner_stays(role: MemberRole, owner_count: int, member_count: int) -> None:
    """Raise `conflict` if a room with other people in it would lose its last owner."""
    if role == "owner" and owner_count == 1 and member_count > 1:
        raise conflict("the last owner cannot go while others are in the room")


def joining_role(member_count: int) -> MemberRole:
    """Return the role of who joins: a room that everybody has left belongs to the first who comes."""
    return "member" if member_count else "owner"


def dm_kind(user_ids: Collection[str]) -> RoomKind:
    """Return the kind of the conversation of exactly these people."""
    return "dm" if len(user_ids) <= 2 else "group_dm"  # noqa: PLR2004 - oneself, or two
