"""Commands of profiles: one's own, others' by id, and people search."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.contracts.entities import Empty, Me, User
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Bio, Cursor, DisplayName, Id, Locale, PageSize, Query, Timezone
from shared.contracts.limits import PROFILES_PER_REQUEST
from shared.contracts.registry import GET, PATCH, TokenUse, command


class UpdateMe(Struct, frozen=True):
    """What is absent stays; null clears a locale or time zone."""

    display_name: DisplayName | UnsetType = UNSET
    bio: Bio | UnsetType = UNSET
    locale: Locale | UnsetType | None = UNSET
    timezone: Timezone | UnsetType | None = UNSET


class GetUsers(Struct, frozen=True):
    ids: Annotated[list[Id], Meta(min_length=1, max_length=PROFILES_PER_REQUEST)]


class SearchUsers(Struct, frozen=True):
    q: Query = ""
    limit: PageSize = 50
    cursor: Cursor | None = None


class Users(Struct, frozen=True):
    """For `users.get`: those that exist, in the order asked."""

    users: list[User]
    next_cursor: str | None = None


me = command(
    "users.me", Empty, Me, "The caller's own profile",
    service="auth", http=GET("/users/me"), tokens=TokenUse.ANY,
)  # fmt: skip
update_me = command(
    "users.update_me", UpdateMe, Me, "Change the caller's profile",
    service="auth", http=PATCH("/users/me"), tokens=TokenUse.COVERED, errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
get = command(
    "users.get", GetUsers, Users, "Public profiles by id",
    service="auth", http=GET("/users"), tokens=TokenUse.ANY,
)  # fmt: skip
search = command(
    "users.search", SearchUsers, Users, "Find people by the start of a name",
    service="auth", http=GET("/users/search"), tokens=TokenUse.COVERED,
)  # fmt: skip
