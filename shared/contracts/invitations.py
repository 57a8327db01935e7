"""Commands of invitations to this deployment; those to a room are `invites`."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Id
from shared.contracts.limits import INVITATION_LIFE_MAX_S, INVITATION_USES_MAX
from shared.contracts.registry import DELETE, GET, POST, Access, command


class CreateInvitation(Struct, frozen=True):
    max_uses: Annotated[int, Meta(ge=1, le=INVITATION_USES_MAX)] = 1
    expires_in_s: Annotated[int, Meta(ge=60, le=INVITATION_LIFE_MAX_S)] = 7 * 24 * 3600


class Invitation(Struct, frozen=True):
    id: str
    created_by: str
    created_at: str
    expires_at: str
    max_uses: int
    uses: int


class NewInvitation(Struct, frozen=True):
    invitation: Invitation
    token: str
    """Shown here and never again."""


class Invitations(Struct, frozen=True):
    invitations: list[Invitation]


class RevokeInvitation(Struct, frozen=True):
    invitation_id: Id


create = command(
    "invitations.create", CreateInvitation, NewInvitation, "Make a token with which people may register",
    service="auth", http=POST("/invitations"), status=201, access=Access.ADMIN, errors=(ErrorCode.FORBIDDEN,),
)  # fmt: skip
list_invitations = command(
    "invitations.list", Empty, Invitations, "The invitations that can still be used, the newest first",
    service="auth", http=GET("/invitations"), access=Access.ADMIN, errors=(ErrorCode.FORBIDDEN,),
)  # fmt: skip
revoke = command(
    "invitations.revoke", RevokeInvitation, Empty, "End an invitation",
    service="auth", http=DELETE("/invitations/{invitation_id}"), access=Access.ADMIN,
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND),
)  # fmt: skip
