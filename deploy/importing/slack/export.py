"""A Slack export from end to end: looked through once, then turned into accounts and histories.

Called by the command. The first pass finds what is broken, who is named and which messages have threads.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from msgspec import Struct, field

from deploy.importing.slack.archive import USERS_FILES, Archive, BrokenFileError
from deploy.importing.slack.ids import Ids
from deploy.importing.slack.markdown import Names
from deploy.importing.slack.messages import Channel, Translator
from deploy.importing.slack.people import People
from deploy.importing.slack.records import Message, User
from deploy.importing.slack.rooms import Source, build_end, build_head, list_sources
from deploy.importing.slack.times import parse_stamp
from deploy.importing.summary import Summary
from deploy.local.errors import StartError
from shared.contracts.importing import HistoryBatch, HistoryMessage, Person

BATCH_MESSAGES = 1_000
BATCH_CHARACTERS = 2_000_000
_BROKEN_SHOWN = 20
_ID_LENGTH = 39  # with its quotes and comma


class Survey(Struct):
    """What the first pass found."""

    messages: int = 0
    roots: dict[str, set[int]] = field(default_factory=dict)
    """By conversation, the time stamps that replies name as their thread's."""
    broken: list[BrokenFileError] = field(default_factory=list)


class Part(Struct, frozen=True):
    """A batch to be stored, and how many of the export's messages it comes from."""

    source: Source
    batch: HistoryBatch
    records: int


class SlackExport:
    """An open export. In this order: `survey`, `list_people`, `read`."""

    def __init__(self, archive: Archive, team: str | None) -> None:
        self._archive = archive
        self.summary = Summary()
        self._people = People(self._read_users())
        found = team or self._people.find_team()
        if found is None:
            raise StartError("the export does not say which workspace it is of; say so with --team NAME")
        self.team = found
        self._ids = Ids(found)
        self.sources = list_sources(archive, self.summary)
        self._survey = Survey()
        self._days: set[str] = set()
        for other in archive.others:
            self.summary.leave("file that is not read (canvases, logs, lists …)", other)

    @classmethod
    def open(cls, path: Path, team: str | None) -> Self:
        """Open an export. Raises StartError."""
        with ExitStack() as stack:
            archive = Archive.open(path)
            stack.callback(archive.close)
            try:
                opened = cls(archive, team)
            except BrokenFileError as exc:
                raise StartError(str(exc)) from exc
            stack.pop_all()
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._archive.close()

    @property
    def total_bytes(self) -> int:
        """How much there is to look through."""
        return sum(self._archive.count_bytes(day) for source in self.sources for day in source.days)

    @property
    def message_count(self) -> int:
        """How many messages the survey found."""
        return self._survey.messages

    def survey(self, on_bytes: Callable[[int], None], *, skips_broken: bool = False) -> None:
        """Look through all of it. Raises StartError naming what is broken, unless that may be skipped."""
        for source in self.sources:
            self._people.add_ids(source.conversation.members or ())
            roots = self._survey.roots.setdefault(source.conversation.id, set())
            for day in source.days:
                self._survey_day(day, roots)
                on_bytes(self._archive.count_bytes(day))
        broken = self._survey.broken
        if broken and not skips_broken:
            shown = "\n  ".join(str(each) for each in broken[:_BROKEN_SHOWN])
            raise StartError(
                f"{len(broken)} files of the export are broken; nothing was imported. "
                f"Let Slack make it again, or leave them out with --skip-broken:\n  {shown}"
            )
        for each in broken:
            self.summary.leave("broken file", str(each))

    def list_people(self) -> dict[str, Person]:
        """Return everybody who needs an account, by their key in the export."""
        people = self._people.list_people(self._ids)
        self._people.report(people, self.summary)
        return people

    def read(self, user_ids: Mapping[str, str]) -> Iterator[Part]:
        """Yield all histories, room by room, oldest first. `user_ids` are the accounts by key."""
        names = Names(
            user_ids=user_ids,
            people={key: each.name or key for key, each in self._people.users.items()},
            channels={
                each.conversation.id: each.title for each in self.sources if each.kind == "public"
            },
        )  # fmt: skip
        translator = Translator(self._ids, names, self._people, user_ids, self.summary)
        for source in self.sources:
            yield from self._read_source(source, translator, user_ids)

    def _read_users(self) -> list[User]:
        users = next(name for name in USERS_FILES if self._archive.has(name))
        found: list[User] = []
        for user in self._archive.read_records(users, User):
            if user is None:
                self.summary.leave("entry that cannot be read", users)
            else:
                found.append(user)
        return found

    def _survey_day(self, day: str, roots: set[int]) -> None:
        try:
            for message in self._archive.read_records(day, Message):
                self._survey.messages += 1
                if message is None:
                    self.summary.leave("entry that cannot be read", day)
                    continue
                self._people.add_sender(message)
                for reaction in message.reactions or ():
                    self._people.add_ids(reaction.users or ())
                root = parse_stamp(message.thread_ts)
                if root is not None and root != parse_stamp(message.ts):
                    roots.add(root)
        except BrokenFileError as exc:
            self._survey.broken.append(exc)
        else:
            self._days.add(day)

    def _read_source(
        self, source: Source, translator: Translator, user_ids: Mapping[str, str]
    ) -> Iterator[Part]:
        conversation = source.conversation
        head = build_head(source, self._ids, user_ids, next(iter(user_ids.values())))
        channel = Channel(conversation.id, source.title, self._survey.roots[conversation.id], source.pins)
        gathered: list[HistoryMessage] = []
        records = characters = 0
        for message in self._read_messages(source):
            records += 1
            translated = translator.translate(channel, message) if message else []
            gathered += translated
            characters += sum(map(_measure, translated))
            if len(gathered) >= BATCH_MESSAGES or characters >= BATCH_CHARACTERS:
                yield Part(source, HistoryBatch(head, gathered), records)
                gathered, records, characters = [], 0, 0
        end = build_end(source, head, user_ids, self._people)
        yield Part(source, HistoryBatch(head, gathered, end), records)

    def _read_messages(self, source: Source) -> Iterator[Message | None]:
        for day in source.days:
            if day in self._days:
                found = list(self._archive.read_records(day, Message))
                yield from sorted(found, key=lambda each: (each and parse_stamp(each.ts)) or 0)


def _measure(message: HistoryMessage) -> int:
    """Return about how many characters a message takes in a batch."""
    return len(message.text) + _ID_LENGTH * sum(len(each.user_ids) for each in message.reactions)
