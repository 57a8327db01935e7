"""What an operator does to accounts, keys and the audit log: `python -m services.auth.admin --help`.

`chatcraft admin` runs it. Tells the nodes over CHATCRAFT_NATS_URL, if that is set, when access has ended.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar, get_args

from asyncpg.exceptions import InterfaceError, PostgresError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from services.auth import hints
from services.auth.keys import Sealer
from services.auth.operating import Operator
from services.auth.privacy import repeating
from services.auth.settings import SecretSettings
from services.auth.store.audit_trail import Head
from services.auth.store.schema import check_schema
from shared.bus import Bus
from shared.contracts.internal import Revocation
from shared.contracts.privacy import MessagesChoice
from shared.errors import ChatError
from shared.lifecycle import StartupError
from shared.settings import find_setting, list_problems
from shared.telemetry import configure_logging

_NODES_ASK_EVERY_S = 5

T = TypeVar("T")
Run = Callable[[Operator, argparse.Namespace], Awaitable[bool]]
COMMANDS: dict[str, tuple[str, Run]] = {
    "create-user": (
        "make an account and print a one-time password for it",
        lambda operator, asked: operator.create_user(
            asked.name, asked.display_name, asked.email, is_admin=asked.admin
        ),
    ),
    "promote": (
        "make somebody an administrator",
        lambda operator, asked: operator.set_role(asked.name, "admin"),
    ),
    "demote": (
        "make an administrator a member again",
        lambda operator, asked: operator.set_role(asked.name, "member"),
    ),
    "deactivate": (
        "lock somebody out; nothing is deleted",
        lambda operator, asked: operator.deactivate(asked.name),
    ),
    "reactivate": ("let somebody in again", lambda operator, asked: operator.reactivate(asked.name)),
    "erase": (
        "erase somebody's account, for good",
        lambda operator, asked: operator.erase(asked.name, asked.messages),
    ),
    "reset-factors": (
        "sign somebody out who has lost their way in, and print a one-time password for them",
        lambda operator, asked: operator.reset_factors(asked.name),
    ),
    "list-logins": (
        "show where somebody is signed in",
        lambda operator, asked: operator.list_logins(asked.name),
    ),
    "end-logins": ("sign somebody out everywhere", lambda operator, asked: operator.end_logins(asked.name)),
    "rotate-keys": (
        "sign access tokens with a new key",
        lambda operator, asked: operator.rotate_keys(Sealer(*_read_secrets()), has_leaked=asked.leaked),
    ),
    "reseal": (
        "seal anew what is sealed in the database, after CHATCRAFT_SECRET_KEY was changed",
        lambda operator, _asked: _reseal(operator),
    ),
    "verify-audit": (
        "check that no entry of the audit log is altered, missing or out of order",
        lambda operator, asked: operator.verify_audit(asked.since, prints_head=asked.head),
    ),
    "list-erasures": (
        "print what repeat-erasures needs to know of each erasure that was asked for",
        lambda operator, _asked: operator.list_erasures(),
    ),
    "repeat-erasures": (
        "ask again for erasures that a restore has undone",
        lambda operator, asked: operator.repeat_erasures(repeating.read_list(asked.file)),
    ),
}
_WITHOUT_NAME = ("rotate-keys", "reseal", "verify-audit", "list-erasures", "repeat-erasures")


def main() -> None:
    """Entry point; the database is CHATCRAFT_DATABASE_URL. Exits with 1 when something is not well."""
    asked = _read_arguments()
    url = find_setting("CHATCRAFT_DATABASE_URL")
    if not url:
        sys.exit("CHATCRAFT_DATABASE_URL is not set: postgresql://user:password@host:port/database")
    configure_logging("admin", "console", "error")
    try:
        if asked.command == "erase" and not asked.yes and not _is_meant(url, asked.name):
            sys.exit("That is not the user name: nothing was done.")
        is_fine = asyncio.run(_run(url, lambda operator: COMMANDS[asked.command][1](operator, asked)))
    except (StartupError, ChatError) as exc:
        sys.exit(str(exc))
    except (SQLAlchemyError, PostgresError, InterfaceError, OSError) as exc:
        sys.exit(f"PostgreSQL: {str(exc).partition(chr(10))[0] or type(exc).__name__}")
    sys.exit(0 if is_fine else 1)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.auth.admin")
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {
        name: commands.add_parser(name, help=text, description=text) for name, (text, _) in COMMANDS.items()
    }
    for name, each in parsers.items():
        if name not in _WITHOUT_NAME:
            each.add_argument("name", help="user name or id")
    creating = parsers["create-user"]
    creating.add_argument("--display-name", help="how others see them; else the user name")
    creating.add_argument("--email", help="their address, not verified yet")
    creating.add_argument("--admin", action="store_true", help="make them an administrator")
    erasing = parsers["erase"]
    erasing.add_argument(
        "--messages",
        choices=get_args(MessagesChoice),
        default="erase",
        help='what becomes of what they have written: it goes, or it stays under "Deleted user"',
    )
    erasing.add_argument("--yes", action="store_true", help="do not ask for the user name once more")
    parsers["rotate-keys"].add_argument(
        "--leaked", action="store_true", help="at once: what older keys have signed is void"
    )
    parsers["verify-audit"].add_argument(
        "--head", action="store_true", help="print NUMBER:HASH to keep elsewhere"
    )
    parsers["verify-audit"].add_argument(
        "--since", type=_read_head, metavar="NUMBER:HASH", help="check against one that was kept"
    )
    parsers["repeat-erasures"].add_argument("file", help="what list-erasures printed; - is standard input")
    return parser.parse_args()


def _read_head(text: str) -> Head:
    number, found, digest = text.partition(":")
    if not (found and number.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not what --head prints")
    try:
        return Head(int(number), bytes.fromhex(digest))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not what --head prints") from None


def _is_meant(url: str, name: str) -> bool:
    """Ask for the user name once more: what comes next cannot be taken back."""
    username = asyncio.run(_run(url, lambda operator: operator.find_username(name)))
    try:
        typed = input(f"{username} will be erased, for good. Type the user name to go on: ")
    except (EOFError, KeyboardInterrupt):
        return False
    return typed.strip() == username


async def _reseal(operator: Operator) -> bool:
    return await operator.reseal(*_read_secrets())


def _read_secrets() -> tuple[bytes, list[bytes]]:
    """Return the present secret and those of before.

    Raises StartupError unless the environment has the deployment's secret.
    """
    try:
        settings = SecretSettings()
    except ValidationError as exc:
        raise StartupError("; ".join(list_problems(exc))) from None
    return settings.secret, settings.previous_secrets


async def _run(url: str, run: Callable[[Operator], Awaitable[T]]) -> T:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=1,
        hide_parameters=True,
        connect_args={"server_settings": {"application_name": "chatcraft-admin", "timezone": "UTC"}},
    )
    try:
        async with engine.connect() as connection:
            await check_schema(connection)
        operator = Operator(engine, _say)
        done = await run(operator)
        await _tell_nodes(operator.revocations)
        return done
    finally:
        await engine.dispose()


async def _tell_nodes(revocations: list[Revocation]) -> None:
    """Publish what has ended, so that sockets close now and not when the nodes next ask."""
    if not revocations:
        return
    servers = find_setting("CHATCRAFT_NATS_URL")
    if not servers:
        _say(f"Nodes notice within {_NODES_ASK_EVERY_S} s; with CHATCRAFT_NATS_URL they would at once.")
        return
    try:
        bus = await Bus.connect([each.strip() for each in servers.split(",")], "auth")
    except ChatError as exc:
        _say(f"Nodes notice within {_NODES_ASK_EVERY_S} s: {exc}.")
        return
    for revocation in revocations:
        await hints.announce(bus, revocation)
    await bus.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
