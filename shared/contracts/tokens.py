"""Commands of personal API tokens: for one's own scripts, which act as oneself within the token's scopes."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Id, Scope, TokenName
from shared.contracts.limits import SCOPES_PER_TOKEN
from shared.contracts.registry import DELETE, GET, POST, command

Scopes = Annotated[list[Scope], Meta(min_length=1, max_length=SCOPES_PER_TOKEN)]
"""`read`, `write`, or both; with one or more `rooms:<room id>` for these rooms alone."""
Days = Annotated[int, Meta(ge=1, le=3_650)]


class CreateToken(Struct, frozen=True):
    name: TokenName
    scopes: Scopes
    expires_in_days: Days | None = None
    """Null: until it is revoked."""


class ApiToken(Struct, frozen=True):
    id: str
    user_id: str
    """As whom it acts."""
    name: str
    scopes: list[str]
    created_at: str
    last_used_at: str | None
    """To the minute, or so."""
    expires_at: str | None


class NewToken(ApiToken, frozen=True):
    token: str
    """Shown this once."""


class ApiTokens(Struct, frozen=True):
    """Those that are valid, newest first."""

    tokens: list[ApiToken]


class RevokeToken(Struct, frozen=True):
    token_id: Id


create = command(
    "tokens.create", CreateToken, NewToken, "Make an API token that acts as the caller",
    service="auth", http=POST("/tokens"), status=201, errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
list_tokens = command(
    "tokens.list", Empty, ApiTokens, "The caller's own API tokens", service="auth", http=GET("/tokens")
)
revoke = command(
    "tokens.revoke", RevokeToken, Empty, "End one of the caller's own API tokens, everywhere and at once",
    service="auth", http=DELETE("/tokens/{token_id}"), errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
