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

_commands: dict[str, Command[Struct, Struct]] = {}

# What any command can answer, whatever it does.
COMMON_ERRORS = (
    ErrorCode.INVALID_INPUT,
    ErrorCode.RATE_LIMITED,
    ErrorCode.UNAVAILABLE,
    ErrorCode.TIMEOUT,
    ErrorCode.INTERNAL,
)


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
) -> Command[Req, Rep]:
    """Declare a command and enter it in the registry; a name declared twice is a mistake.

    `errors` lists what it can answer beyond `COMMON_ERRORS` and, unless public, `unauthenticated`.
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
        _all_errors(access, errors), strict,
    )  # fmt: skip
    _commands[name] = cast("Command[Struct, Struct]", declared)
    return declared


def _all_errors(access: Access, errors: tuple[ErrorCode, ...]) -> tuple[ErrorCode, ...]:
    signed_in = () if access is Access.PUBLIC else (ErrorCode.UNAUTHENTICATED, ErrorCode.TOKEN_EXPIRED)
    return tuple(dict.fromkeys((*errors, *signed_in, *COMMON_ERRORS)))


def find_command(name: str) -> Command[Struct, Struct] | None:
    """Return the command of that name, or None."""
    return _commands.get(name)


def iter_commands() -> Iterator[Command[Struct, Struct]]:
    """Every command, in the order of declaration."""
    return iter(_commands.values())
