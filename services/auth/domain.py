"""The rules of the auth service: names, refresh-token chains, search cursors. Pure: time comes as a value.

Called by the commands and the store.
"""

import base64
import unicodedata
from datetime import datetime, timedelta
from enum import Enum, auto

import msgspec
from msgspec import Struct

from shared.contracts.entities import Me, User

# Two tabs refresh at once, or a reply is lost: the parent still gives the same successor for so long.
REFRESH_GRACE = timedelta(seconds=10)
# An access token's 15 min, and a minute for clocks that differ.
REVOCATION_LIFE = timedelta(minutes=16)
USER_AGENT_MAX = 300
USERNAME_MAX = 32
_NAME_KEY_MAX = 64


class LoginLimits(Struct, frozen=True):
    """For how long a login can be refreshed; the deployment decides."""

    idle: timedelta = timedelta(days=30)
    """Since it was last refreshed."""
    absolute: timedelta = timedelta(days=90)
    """Since it began, however often it is refreshed."""

    def find_end(self, began_at: datetime, used_at: datetime) -> datetime:
        """Return when a login ends that is used no more."""
        return min(used_at + self.idle, began_at + self.absolute)


class RefreshState(Struct, frozen=True):
    """A presented refresh token, and its login, as the store knows them at `read_at`."""

    read_at: datetime
    login_began_at: datetime
    login_used_at: datetime
    expires_at: datetime
    used_at: datetime | None
    successor_hash: bytes | None
    """None if no successor of it is stored."""
    successor_used_at: datetime | None


class Verdict(Enum):
    """What becomes of a presented refresh token."""

    ROTATE = auto()
    """First use: mark it used and store its successor."""
    REPEAT = auto()
    """Used again within the grace, its successor untouched: give the same successor."""
    REUSED = auto()
    """Somebody holds a copy: end the login."""
    EXPIRED = auto()


def judge_refresh(state: RefreshState, limits: LoginLimits) -> Verdict:
    """Decide on a refresh token; the protocol's chapter on signing in has the rule.

    The limits are those of today: a login that began under longer ones ends by the shorter.
    """
    now = state.read_at
    if now >= min(state.expires_at, limits.find_end(state.login_began_at, state.login_used_at)):
        return Verdict.EXPIRED
    if state.used_at is None:
        return Verdict.ROTATE
    if now - state.used_at <= REFRESH_GRACE and state.successor_used_at is None:
        # Its successor may come from a secret that is known no more: there is nothing to give then.
        return Verdict.REPEAT if state.successor_hash else Verdict.EXPIRED
    return Verdict.REUSED


def fold_username(username: str) -> str:
    """Return the one spelling of a user name; its alphabet is ASCII."""
    return username.lower()


def number_username(username: str, number: int) -> str:
    """Return the name for who comes as the `number`th with it: the first has it as it is."""
    if number == 1:
        return username
    suffix = f"-{number}"
    return username[: USERNAME_MAX - len(suffix)] + suffix


def fold_name(name: str) -> str:
    """Return a name as it is compared and sorted: compatibility forms and case folded away.

    At most 64 code points, so that a cursor that holds it keeps its bound.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return folded.strip()[:_NAME_KEY_MAX]


def to_public(me: Me) -> User:
    """Return what others may see of a profile."""
    return User(
        id=me.id,
        username=me.username,
        display_name=me.display_name,
        role=me.role,
        bio=me.bio,
        avatar_file_id=me.avatar_file_id,
        created_at=me.created_at,
        deactivated=me.deactivated,
    )


class NamePosition(Struct, frozen=True, array_like=True):
    """A place in the list of people: after this folded display name and user name."""

    display_key: str
    username: str

    def encode(self) -> str:
        """Return the cursor a client gives back."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def decode(cls, cursor: str) -> "NamePosition":
        """Raises ValueError if the server did not give this cursor."""
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=cls)
        except msgspec.DecodeError as exc:
            raise ValueError("not a cursor") from exc
