"""`chatcraft restore`: a new database is filled, moved on and checked; then it takes the old one's name.

Up to that moment nothing has happened to what is there, whatever goes wrong.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.local.backup import database, programs, secret
from deploy.local.backup.archive import Backup, Manifest, open_backup
from deploy.local.backup.database import Connection, Place
from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.migrations import list_revisions, migrate
from deploy.local.postgres import ensure_database, postgres_program, postgres_url
from deploy.local.servers import ExternalUrls, start_and_wait
from deploy.local.up import check_external

# pg_restore sets what servers before this one do not know.
OLDEST_POSTGRES = 17
_MAINTENANCE = "/postgres"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """What was asked for on the command line."""

    file: Path
    data_dir: Path
    replaces: bool
    ignores_findings: bool
    secret_file: Path | None


async def run_restore(options: RestoreOptions, external: ExternalUrls, say: Say) -> None:
    """Bring a backup back. Raises StartError, and then the database is what it was."""
    with open_backup(options.file) as backup:
        _check_schemas(backup)
        given = secret.read_secret(options.secret_file) if options.secret_file else None
        _check_secret(backup, given or secret.find_secret(options.data_dir))
        async with _open_place(external, options.data_dir) as (place, data_dir):
            await _Restore(options, backup, place, say).run(data_dir, given)


@asynccontextmanager
async def _open_place(external: ExternalUrls, path: Path) -> AsyncIterator[tuple[Place, DataDir | None]]:
    """Give the database of the URL that was named, or the embedded one, which nobody else may be using."""
    if external.database is not None:
        await check_external(ExternalUrls(database=external.database))
        admin_url = urlunsplit(urlsplit(external.database)._replace(path=_MAINTENANCE))
        yield Place(external.database, admin_url), None
        return
    with DataDir.open(path) as data_dir:
        server = Child(await postgres_program(data_dir))
        try:
            await start_and_wait(server)
            await ensure_database(data_dir)
            admin_url = urlunsplit(
                urlsplit(postgres_url(data_dir, as_admin=True))._replace(path=_MAINTENANCE)
            )
            yield Place(postgres_url(data_dir), admin_url), data_dir
        finally:
            await server.stop()


class _Restore:
    """One restore. Its steps are in the order in which they happen."""

    def __init__(self, options: RestoreOptions, backup: Backup, place: Place, say: Say) -> None:
        self._options = options
        self._backup = backup
        self._place = place
        self._say = say

    async def run(self, data_dir: DataDir | None, given_secret: str | None) -> None:
        place = self._place
        async with database.connect(place.url) as connection:
            people = await self._check_target(connection)
        self._check_change_of_secret(data_dir, given_secret, people)
        async with database.connect(place.admin_url) as admin:
            await place.create_fresh(admin)
            try:
                await self._fill(people)
                if data_dir is not None and given_secret is not None:
                    data_dir.set_secret(secret.NAME, given_secret)
                await place.exchange(admin)
                self._say(f"Restored: {describe(self._backup.manifest)}.")
            finally:
                await place.drop_rest(admin)

    async def _fill(self, people: int) -> None:
        """Bring the fresh one to where it can take the place of one with so many people."""
        self._say(f"Reading {self._backup.path} …")
        await programs.load(self._place.fresh_url, self._backup.iterate_dump())
        await migrate(self._place.fresh_url)
        if people:
            await self._repeat_erasures()
        await self._raise_epoch()
        await self._verify()

    async def _check_target(self, connection: Connection) -> int:
        """Return how many people are there now. Raises StartError unless all of it may be replaced."""
        name = self._place.name
        major, oldest = database.read_major(connection), max(OLDEST_POSTGRES, self._backup.manifest.postgres)
        if major < oldest:
            raise StartError(f"the server is PostgreSQL {major}; this backup needs {oldest} or a newer one")
        if foreign := await database.find_foreign_table(connection):
            raise StartError(
                f"the database {name} holds {foreign}, which is not ChatCraft's and would be lost; "
                "restore into a database of its own"
            )
        people = await database.count_people(connection)
        if people and not self._options.replaces:
            raise StartError(f"there is a ChatCraft with {people:,} people already; --replace deletes it")
        if sessions := await database.list_sessions(connection):
            raise StartError(
                f"the database {name} is in use by {', '.join(sorted(sessions))}; "
                "stop the auth and messages services, and whoever else is connected"
            )
        return people

    def _check_change_of_secret(self, data_dir: DataDir | None, given: str | None, people: int) -> None:
        if data_dir is None or given is None or not people:
            return
        held = DataDir.peek_secret(data_dir.path, secret.NAME)
        if held not in {None, given}:
            raise StartError(
                f"{data_dir.path} has another secret key than {self._options.secret_file}; "
                "restore into a new directory with --data-dir"
            )

    async def _repeat_erasures(self) -> None:
        """Who has asked to be erased since the backup is not to come back by it."""
        is_known, found = await programs.run_service_command("auth", self._place.url, "list-erasures")
        if not is_known:
            self._say(
                "What is replaced does not tell who was erased since the backup: repeat that from a list "
                "that you kept, with `chatcraft admin repeat-erasures`."
            )
        if not is_known or not found:
            return
        arguments = ("repeat-erasures", "-")
        is_done, lines = await programs.run_service_command(
            "auth", self._place.fresh_url, *arguments, given="\n".join(found)
        )
        if not is_done:
            raise StartError(f"erasures could not be repeated: {' '.join(lines[-1:])}")
        for line in lines[:1]:  # the next one is about nodes, of which none runs
            self._say(line)

    async def _verify(self) -> None:
        async with database.connect(self._place.fresh_url) as connection:
            await database.settle(connection)
        is_fine, lines = await programs.run_service_command("messages", self._place.fresh_url, "verify")
        for line in lines:
            self._say(line)
        if not is_fine and not self._options.ignores_findings:
            raise StartError(
                "the backup is not consistent, see above; nothing was replaced. "
                "--despite-findings takes it as it is"
            )

    async def _raise_epoch(self) -> None:
        is_done, lines = await programs.run_service_command("messages", self._place.fresh_url, "new-epoch")
        if not is_done:
            raise StartError(f"the epoch could not be raised: {' '.join(lines[-1:])}")


def describe(manifest: Manifest) -> str:
    """Say in a line what a backup holds."""
    accounts = f"{manifest.people:,} {'account' if manifest.people == 1 else 'accounts'}"
    rooms = f"{manifest.rooms:,} {'room' if manifest.rooms == 1 else 'rooms'}"
    return f"{accounts} and {rooms} as of {manifest.made_at}, from ChatCraft {manifest.chatcraft}"


def _check_schemas(backup: Backup) -> None:
    for service, revision in backup.manifest.schemas.items():
        if revision not in list_revisions(service):
            raise StartError(
                f"{backup.path} is from ChatCraft {backup.manifest.chatcraft}, with the schema {service} "
                f"{revision} that this version does not know; update ChatCraft first"
            )


def _check_secret(backup: Backup, known: str | None) -> None:
    digest = backup.manifest.secret
    if digest is None:
        return
    if known is None:
        raise StartError(
            f"{backup.path} needs the secret key that it was made under: name the file with --secret-key, "
            "or set CHATCRAFT_SECRET_KEY"
        )
    if digest not in map(secret.digest_of, (known, *secret.list_previous_secrets())):
        raise StartError(
            f"{backup.path} was made under another secret key, and nobody could sign in: name the right one "
            "with --secret-key, or in CHATCRAFT_SECRET_KEY"
        )
