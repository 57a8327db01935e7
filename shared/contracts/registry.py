"""The registry: what a command is, and the table of all of them, filled by the modules beside it.

From one declaration come the socket operation, the REST route, the NATS subject and the documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar, cast

import msgspec
from msgspec import Struct

from shared.contracts.errors import ErrorCode

Req = TypeVar("Req", bound=Struct)
Rep = TypeVar("Rep", bound=Struct)


class Door(StrEnum):
    """Where a command can be called from. Every forwarded command is on the bus."""

    REST = "rest"
    SOCKET = "socket"
    BUS = "bus"


class Access(StrEnum):
    """Who may call. The gateway checks PUBLIC against the rest; the service checks the others."""

    PUBLIC = "anybody"
    USER = "a signed-in user"
    READER = "a member of the room, or anybody signed in if it is public"
    MEMBER = "a member of the room"
    AUTHOR = "the message's author"
    MODERATOR = "a moderator or owner of the room"
    OWNER = "an owner of the room"
    ADMIN = "an administrator"


class Effect(StrEnum):
    """Which scope an API token needs for it."""

    READ = "read"
    WRITE = "write"


class TokenUse(StrEnum):
    """What else an API token needs, beyond the scope of the effect."""

    NEVER = "no API token may: it is about accounts"
    COVERED = "the token must cover the room named, or all rooms where none is"
    ANY = "any token may, whatever rooms it is for"


@dataclass(frozen=True, slots=True)
class Route:
    """The REST door: method and path below `/api/v1`, with `{fields}` of the request in the path."""

    method: str
    path: str

    @property
    def path_fields(self) -> tuple[str, ...]:
        """The request fields that stand in the path, in order."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def GET(path: str) -> Route:  # noqa: N802 - reads as the HTTP method it stands for
    return Route("GET", path)


def POST(path: str) -> Route:  # noqa: N802 - reads as the HTTP method it stands for
    return Route("POST", path)


def PUT(path: str) -> Route:  # noqa: N802 - reads as the HTTP method it stands for
    return Route("PUT", path)


def PATCH(path: str) -> Route:  # noqa: N802 - reads as the HTTP method it stands for
    return Route("PATCH", path)


def DELETE(path: str) -> Route:  # noqa: N802 - reads as the HTTP method it stands for
    return Route("DELETE", path)


@dataclass(frozen=True, slots=True, eq=False)
class Command(Generic[Req, Rep]):
    """One command of the protocol. `service` is the queue group that answers it on the bus."""

    name: str
    service: str
    request: type[Req]
    reply: type[Rep]
    summary: str
    http: Route | None
    status: int
    access: Access
    doors: frozenset[Door]
    errors: tuple[ErrorCode, ...]
    effect: Effect
    tokens: TokenUse
    strict_request: type[Req] = field(repr=False)
    """`request` that refuses unknown fields: for the gateway's door. Services decode `request`."""

    @property
    def subject(self) -> str:
        """The NATS subject on which the service answers."""
        return f"rpc.{self.name}"

    @property
    def is_forwarded(self) -> bool:
        """Whether a service answers it; if not, the gateway itself does."""
        return Door.BUS in self.doors


ANYWHERE = frozenset(Door)
REST_ONLY = frozenset({Door.REST, Door.BUS})
GATEWAY_ONLY = frozenset({Door.SOCKET})
# What these do is for people alone, whoever answers it.
_ACCOUNT_NOUNS = {"auth", "admin"}

_commands: dict[str, Command[Struct, Struct]] = {}

# What any command can answer, whatever it does.
COMMON_ERRORS = (
    ErrorCode.INVALID_INPUT,
    ErrorCode.RATE_LIMITED,
    ErrorCode.UNAVAILABLE,
    ErrorCode.TIMEOUT,
    ErrorCode.INTERNAL,
)
# What any command can answer whose caller is known: an API token may lack the scope.
_SIGNED_IN_ERRORS = (ErrorCode.UNAUTHENTICATED, ErrorCode.TOKEN_EXPIRED, ErrorCode.FORBIDDEN)


def command(
    name: str,
    request: type[Req],
    reply: type[Rep],
    summary: str,
    *,
    service: str,
    http: Route | None = None,
    status: int = 200,
    access: Access = Access.USER,
    doors: frozenset[Door] = ANYWHERE,
    errors: tuple[ErrorCode, ...] = (),
    effect: Effect | None = None,
    tokens: TokenUse | None = None,
) -> Command[Req, Rep]:
    """Declare a command and enter it in the registry; a name declared twice is a mistake.

    `errors` lists what it can answer beyond `COMMON_ERRORS` and, unless public, those of a caller.
    Unless given, GET has the effect of reading and all else of writing, and what the auth service answers
    is not for API tokens.
    """
    if name in _commands:
        raise ValueError(f"command {name} is declared twice")
    if Door.REST in doors and http is None:
        doors = doors - {Door.REST}
    strict = cast(
        "type[Req]",
        msgspec.defstruct(request.__name__, [], bases=(request,), frozen=True, forbid_unknown_fields=True),
    )
    declared: Command[Req, Rep] = Command(
        name, service, request, reply, summary, http, status, access, doors,
        _all_errors(access, errors), effect or _find_effect(http), tokens or _find_use(name, service), strict,
    )  # fmt: skip
    _commands[name] = cast("Command[Struct, Struct]", declared)
    return declared


def _all_errors(access: Access, errors: tuple[ErrorCode, ...]) -> tuple[ErrorCode, ...]:
    signed_in = () if access is Access.PUBLIC else _SIGNED_IN_ERRORS
    return tuple(dict.fromkeys((*errors, *signed_in, *COMMON_ERRORS)))


def _find_effect(http: Route | None) -> Effect:
    return Effect.READ if http is not None and http.method == "GET" else Effect.WRITE


def _find_use(name: str, service: str) -> TokenUse:
    # Closed unless opened: a new command of accounts must not be forgotten here.
    is_about_accounts = service == "auth" or name.partition(".")[0] in _ACCOUNT_NOUNS
    return TokenUse.NEVER if is_about_accounts else TokenUse.COVERED


def find_command(name: str) -> Command[Struct, Struct] | None:
    """Return the command of that name, or None."""
    return _commands.get(name)


def iter_commands() -> Iterator[Command[Struct, Struct]]:
    """Every command, in the order of declaration."""
    return iter(_commands.values())
