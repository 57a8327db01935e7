"""Commands of bots: users without a password, owned by somebody, who act by API tokens."""

from msgspec import UNSET, Struct, UnsetType

from shared.contracts.entities import Empty, User
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Bio, DisplayName, Id, TokenName, Username
from shared.contracts.registry import DELETE, GET, PATCH, POST, command
from shared.contracts.tokens import ApiTokens, Days, NewToken, Scopes


class CreateBot(Struct, frozen=True):
    username: Username
    display_name: DisplayName


class Bots(Struct, frozen=True):
    """Those that are active, by user name."""

    bots: list[User]


class OneBot(Struct, frozen=True):
    bot_id: Id


class UpdateBot(Struct, frozen=True):
    """What is absent stays."""

    bot_id: Id
    display_name: DisplayName | UnsetType = UNSET
    bio: Bio | UnsetType = UNSET


class CreateBotToken(Struct, frozen=True):
    bot_id: Id
    name: TokenName
    scopes: Scopes
    expires_in_days: Days | None = None
    """Null: until it is revoked."""


class RevokeBotToken(Struct, frozen=True):
    bot_id: Id
    token_id: Id


_NOT_FOUND = (ErrorCode.NOT_FOUND,)

create = command(
    "bots.create", CreateBot, User, "Make a bot, owned by the caller",
    service="auth", http=POST("/bots"), status=201, errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
list_bots = command("bots.list", Empty, Bots, "The caller's bots", service="auth", http=GET("/bots"))
update = command(
    "bots.update", UpdateBot, User, "Change the profile of a bot",
    service="auth", http=PATCH("/bots/{bot_id}"), errors=_NOT_FOUND,
)  # fmt: skip
delete = command(
    "bots.delete", OneBot, Empty, "Deactivate a bot; its tokens end, what it wrote stays",
    service="auth", http=DELETE("/bots/{bot_id}"), errors=_NOT_FOUND,
)  # fmt: skip
list_tokens = command(
    "bots.list_tokens", OneBot, ApiTokens, "The API tokens of a bot",
    service="auth", http=GET("/bots/{bot_id}/tokens"), errors=_NOT_FOUND,
)  # fmt: skip
create_token = command(
    "bots.create_token", CreateBotToken, NewToken, "Make an API token that acts as the bot",
    service="auth", http=POST("/bots/{bot_id}/tokens"), status=201,
    errors=(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
revoke_token = command(
    "bots.revoke_token", RevokeBotToken, Empty, "End an API token of a bot, everywhere and at once",
    service="auth", http=DELETE("/bots/{bot_id}/tokens/{token_id}"), errors=_NOT_FOUND,
)  # fmt: skip
