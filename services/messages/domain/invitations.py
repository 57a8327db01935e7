"""The code of an invitation: which room, which invitation, and a secret that only the link holds.

Everything is found by room id, so the code carries it. Knows no store and makes no secrets.
"""

import base64
import binascii
import hashlib
import hmac
from typing import NamedTuple
from uuid import UUID

from services.messages.domain.access import DM_KINDS
from services.messages.domain.settings import check_may
from shared.contracts.entities import MemberRole, RoomKind, WhoMay
from shared.errors import conflict

SECRET_BYTES = 16
_ID_BYTES = 16
_CODE_BYTES = 2 * _ID_BYTES + SECRET_BYTES  # a multiple of three: 64 characters without padding


class InviteCode(NamedTuple):
    room_id: str
    invite_id: str
    secret: bytes


def encode_code(code: InviteCode) -> str:
    """Return the code in letters, digits, `-` and `_`."""
    raw = UUID(code.room_id).bytes + UUID(code.invite_id).bytes + code.secret
    return base64.urlsafe_b64encode(raw).decode()


def decode_code(text: str) -> InviteCode | None:
    """Return what the code names, or None if it is none."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _CODE_BYTES:
        return None
    room, invite, secret = raw[:_ID_BYTES], raw[_ID_BYTES : 2 * _ID_BYTES], raw[2 * _ID_BYTES :]
    return InviteCode(str(UUID(bytes=room)), str(UUID(bytes=invite)), secret)


def hash_secret(secret: bytes) -> bytes:
    """Return what is stored of a secret. It has 128 random bits: a slow hash would add nothing."""
    return hashlib.sha256(secret).digest()


def is_secret_of(secret: bytes, secret_hash: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def check_may_invite(kind: RoomKind, who_may_invite: WhoMay | None, role: MemberRole) -> None:
    """Raise unless a member of this role may make links: the room's setting, else what its kind implies."""
    if kind in DM_KINDS:
        raise conflict("nobody is invited to a direct conversation")
    check_may(who_may_invite or ("everybody" if kind == "public" else "moderators"), role, "invite")
