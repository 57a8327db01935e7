"""Carries a Slack export into the services: accounts first, then room by room. `importing` calls it.

Nothing is remembered here: what is committed is found by its ids, so a run that is killed is just run again.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TypeVar

import msgspec
from rich.progress import Progress, TaskID

from deploy.importing.slack.export import Part, SlackExport
from deploy.importing.summary import Summary
from deploy.local import first_passwords
from deploy.local.database import open_database
from deploy.local.first_passwords import Entry
from deploy.local.intake import Intake
from deploy.local.servers import ExternalUrls
from shared.contracts.importing import (
    Account,
    BatchStored,
    FirstPassword,
    PasswordsSet,
    Person,
    SetPasswords,
    Settled,
    SettlePeople,
)

T = TypeVar("T")

_PEOPLE_AT_ONCE = 200
_PASSWORDS_AT_ONCE = 50
_BATCHES_UNDER_WAY = 4


def rehearse(export: SlackExport, progress: Progress) -> None:
    """Translate all of it and store nothing."""
    people = export.list_people()
    summary = export.summary
    summary.count("people", len(people))
    task = progress.add_task("Trying", total=export.message_count)
    for part in export.read({key: person.id for key, person in people.items()}):
        summary.count("messages", len(part.batch.messages))
        summary.count("rooms", int(part.batch.end is not None))
        progress.advance(task, part.records)


class SlackImport:
    """One run."""

    def __init__(self, export: SlackExport, progress: Progress, passwords: Path | None) -> None:
        self._export = export
        self._progress = progress
        self._passwords = passwords

    @property
    def _summary(self) -> Summary:
        return self._export.summary

    async def run(self, external: ExternalUrls, data_dir: Path) -> None:
        """Import all of it. Raises StartError."""
        people = self._export.list_people()
        known = first_passwords.read_entries(self._passwords) if self._passwords else {}
        async with open_database(external, data_dir) as url:
            async with Intake("auth", url) as auth:
                accounts = await self._settle(auth, people)
                if self._passwords:
                    await self._give_passwords(auth, self._passwords, known, people, accounts)
            user_ids = {key: account.user_id for key, account in accounts.items()}
            async with Intake("messages", url) as messages:
                await self._carry(messages, user_ids)

    async def _settle(self, auth: Intake, people: Mapping[str, Person]) -> dict[str, Account]:
        task = self._progress.add_task("People", total=len(people))
        accounts: dict[str, Account] = {}
        for keys in _chunks(list(people), _PEOPLE_AT_ONCE):
            settled = await auth.ask(SettlePeople([people[key] for key in keys]), Settled)
            accounts |= dict(zip(keys, settled.accounts, strict=True))
            self._progress.advance(task, len(keys))
        new = sum(account.is_new for account in accounts.values())
        self._summary.count("new accounts", new)
        self._summary.count("accounts that were there", len(accounts) - new)
        for key, account in accounts.items():
            if account.username != people[key].username and account.is_new:
                self._summary.leave("user name that was taken, here numbered", account.username)
        return accounts

    async def _give_passwords(
        self, auth: Intake, path: Path, known: dict[str, Entry], people: Mapping[str, Person],
        accounts: Mapping[str, Account],
    ) -> None:  # fmt: skip
        without = {key: account for key, account in accounts.items() if account.needs_password}
        for key, account in without.items():
            email = people[key].email or ""
            known.setdefault(
                account.username, Entry(account.username, email, first_passwords.make_password())
            )
        first_passwords.write_entries(path, known.values())
        task = self._progress.add_task("Passwords", total=len(without))
        for chunk in _chunks(list(without.values()), _PASSWORDS_AT_ONCE):
            given = [FirstPassword(each.user_id, known[each.username].password) for each in chunk]
            done = await auth.ask(SetPasswords(given), PasswordsSet)
            self._summary.count("first passwords", done.count)
            self._progress.advance(task, len(chunk))

    async def _carry(self, messages: Intake, user_ids: Mapping[str, str]) -> None:
        task = self._progress.add_task("Messages", total=self._export.message_count)
        started_s = monotonic()
        under_way: deque[tuple[Part, asyncio.Future[bytes]]] = deque()
        for part in self._export.read(user_ids):
            under_way.append((part, await messages.send(part.batch)))
            if len(under_way) >= _BATCHES_UNDER_WAY:
                await self._note_stored(*under_way.popleft(), task)
        while under_way:
            await self._note_stored(*under_way.popleft(), task)
        seconds = monotonic() - started_s
        rate = self._export.message_count / max(seconds, 0.001)
        self._progress.console.print(
            f"{self._export.message_count:,} messages in {seconds:.1f} s: {rate:,.0f}/s"
        )

    async def _note_stored(self, part: Part, reply: asyncio.Future[bytes], task: TaskID) -> None:
        stored = msgspec.json.decode(await reply, type=BatchStored)
        title = part.source.title
        self._progress.advance(task, part.records)
        if stored.refused:
            self._summary.leave(f"conversation: {stored.refused}", title)
            return
        self._summary.count("new messages", stored.added)
        self._summary.count("messages that were there", stored.known)
        self._summary.count("new memberships", stored.joined)
        self._summary.count("rooms", int(part.batch.end is not None))
        if stored.orphans:
            self._summary.leave("reply without the message it replies to", title, stored.orphans)
        for user_id in stored.full_user_ids:
            self._summary.leave("membership of somebody who is in 1,000 rooms", f"{user_id} in {title}")


def _chunks(items: Sequence[T], size: int) -> list[list[T]]:
    rest = iter(items)
    return [list(islice(rest, size)) for _ in range(0, len(items), size)]
