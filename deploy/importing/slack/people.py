"""Who was in the workspace: listed users, and strangers whom only messages and channels name. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from deploy.importing.slack.ids import Ids
from deploy.importing.slack.markdown import clean
from deploy.importing.slack.records import Message, User
from deploy.importing.summary import Summary
from shared.contracts.fields import DisplayName, Email, Timezone
from shared.contracts.importing import Person

SLACKBOT = "USLACKBOT"
_USERNAME_MIN, _USERNAME_MAX = 3, 32
_DISPLAY_NAME_MAX = 64
_BIO_MAX = 500
_NOT_IN_USERNAME = re.compile(r"[^a-z0-9._-]+")


class Stranger(Struct, frozen=True):
    """Somebody whom users.json does not list: deleted, of another workspace, or a bot."""

    name: str | None
    is_bot: bool


class People:
    """Everybody who said something, reacted, or is a member. `add_*` first, then `list_people`."""

    def __init__(self, users: Iterable[User]) -> None:
        self.users = {user.id: user for user in users}
        self._ids_by_bot = {
            user.profile.bot_id: user.id for user in self.users.values() if user.profile.bot_id
        }
        self.strangers: dict[str, Stranger] = {}

    def find_team(self) -> str | None:
        """Return the id of the workspace: that of most of its users."""
        teams = Counter(user.team_id for user in self.users.values() if user.team_id)
        return teams.most_common(1)[0][0] if teams else None

    def name_sender(self, message: Message) -> str:
        """Return the key of who sent a message: an id of Slack's, or the name of a bot without one."""
        if message.comment and message.comment.user and message.subtype == "file_comment":
            return message.comment.user
        if message.user:
            return message.user
        if message.bot_id:
            return self._ids_by_bot.get(message.bot_id, message.bot_id)
        return f"name:{message.username}" if message.username else SLACKBOT

    def add_sender(self, message: Message) -> None:
        """Remember who sent a message."""
        key = self.name_sender(message)
        if key in self.users:
            return
        name = _find_name(message)
        known = self.strangers.get(key)
        if known is None or (known.name is None and name):
            self.strangers[key] = Stranger(name, is_bot=not message.user or key == SLACKBOT)

    def add_ids(self, user_ids: Iterable[str]) -> None:
        """Remember people who are named by their id only."""
        for user_id in user_ids:
            if user_id not in self.users and user_id not in self.strangers:
                self.strangers[user_id] = Stranger(None, is_bot=user_id == SLACKBOT)

    def list_people(self, ids: Ids) -> dict[str, Person]:
        """Return everybody by key."""
        people = {key: _of_user(ids.person(key), user) for key, user in self.users.items()}
        strangers = self.strangers.items()
        return people | {key: _of_stranger(ids.person(key), key, stranger) for key, stranger in strangers}

    def report(self, people: Mapping[str, Person], summary: Summary) -> None:
        """Say what becomes otherwise of people than it was."""
        for key, user in self.users.items():
            username = people[key].username
            if user.is_restricted or user.is_ultra_restricted:
                summary.leave("guest, here a member like others", username)
            if user.is_admin or user.is_owner:
                summary.leave("admin or owner of the workspace, here a member like others", username)
        for key, stranger in self.strangers.items():
            if not stranger.is_bot:
                summary.leave("person whom users.json does not list, here deactivated", people[key].username)


def _find_name(message: Message) -> str | None:
    names = [message.username, message.bot_profile.name if message.bot_profile else None]
    if (profile := message.user_profile) is not None:
        names = [profile.display_name, profile.real_name, profile.name, *names]
    return next((name for name in names if name), None)


def fold_username(name: str, fallback: str) -> str:
    """Return a user name of ours that looks like the given one; of the fallback if nothing is left of it."""
    for given in (name, fallback, "user"):
        plain = unicodedata.normalize("NFKD", given).casefold().encode("ascii", "ignore").decode()
        folded = _NOT_IN_USERNAME.sub("-", plain).strip("-._")[:_USERNAME_MAX]
        if folded:
            return folded if len(folded) >= _USERNAME_MIN else f"{folded}-user"
    raise AssertionError("the last one is one")


def _of_user(person_id: str, user: User) -> Person:
    profile = user.profile
    names = (profile.display_name, profile.real_name, user.real_name, user.name)
    is_bot = bool(user.is_bot) or user.id == SLACKBOT
    return Person(
        id=person_id,
        username=fold_username(user.name or profile.display_name or user.id, user.id),
        display_name=_choose_display_name(*names, user.id),
        email=_check(profile.email, Email),
        bio=clean(profile.title or "")[:_BIO_MAX].strip(),
        timezone=_check(user.tz, Timezone),
        is_bot=is_bot,
        is_active=not user.deleted,
    )


def _of_stranger(person_id: str, key: str, stranger: Stranger) -> Person:
    key = key.removeprefix("name:")
    name = stranger.name or ("Slackbot" if key == SLACKBOT else key)
    return Person(
        id=person_id,
        username=fold_username(name, key),
        display_name=_choose_display_name(name, key),
        is_bot=stranger.is_bot,
        is_active=stranger.is_bot,
    )


def _choose_display_name(*names: str | None) -> str:
    for name in names:
        line = " ".join(clean(name or "").split())[:_DISPLAY_NAME_MAX].strip()
        if _check(line, DisplayName):
            return line
    return "Somebody"


def _check(value: str | None, kind: Any) -> str | None:
    """Return the value if a field of this kind may have it."""
    try:
        return msgspec.convert(value, kind) if value else None
    except msgspec.ValidationError:
        return None
