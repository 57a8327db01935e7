"""One message of Slack as one or more of ours, or none. Says in the summary what is lost. Pure.

What is skipped is kept all the same where replies hang from it.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from deploy.importing.slack.emojis import to_reaction
from deploy.importing.slack.ids import Ids
from deploy.importing.slack.markdown import Names, link, to_markdown
from deploy.importing.slack.people import People
from deploy.importing.slack.records import File, Message
from deploy.importing.slack.rich_text import describe
from deploy.importing.slack.splitting import split
from deploy.importing.slack.times import find_moment, parse_stamp, to_moment
from deploy.importing.summary import Summary
from shared.contracts.importing import HistoryMessage, HistoryReaction

REACTION_KINDS_MAX = 50
_EDIT_LOG = {"message_changed", "message_deleted"}
_NOTICES = {
    "app_conversation_join", "bot_add", "bot_disable", "bot_enable", "bot_remove", "channel_archive",
    "channel_canvas_updated", "channel_convert_to_private", "channel_convert_to_public", "channel_join",
    "channel_leave", "channel_name", "channel_posting_permissions", "channel_purpose", "channel_topic",
    "channel_unarchive", "document_mention", "group_archive", "group_join", "group_leave", "group_name",
    "group_purpose", "group_topic", "group_unarchive", "huddle_thread", "joiner_notification",
    "message_replied", "pinned_item", "reminder_add", "reply_broadcast", "sh_room_created",
    "tabbed_canvas_updated", "unpinned_item",
}  # fmt: skip
_GONE_FILE_MODES = {"tombstone", "hidden_by_limit"}
_KILO = 1000


class Channel(Struct, frozen=True):
    """What a message must know of where it is."""

    id: str
    title: str
    """For the summary."""
    roots: AbstractSet[int]
    """Time stamps that replies name as their thread's."""
    pins: Mapping[int, int | float | None]
    """When each pinned message was pinned."""


class Translator:
    """Translates the messages of one export."""

    def __init__(
        self, ids: Ids, names: Names, people: People, user_ids: Mapping[str, str], summary: Summary
    ) -> None:
        self._ids = ids
        self._names = names
        self._people = people
        self._user_ids = user_ids
        self._summary = summary

    def translate(self, channel: Channel, message: Message) -> list[HistoryMessage]:
        """Return the message, in parts if it is too long for one; none if it is not carried over."""
        stamp = parse_stamp(message.ts)
        if stamp is None:
            self._summary.leave("message without a time", channel.title)
            return []
        reason = _find_reason_to_skip(message)
        if reason and stamp not in channel.roots:
            self._summary.leave(reason, channel.title)
            return []
        parts = [] if message.subtype == "tombstone" else split(self._write(channel, message))
        if len(parts) > 1:
            self._summary.leave("message of more than 16,000 characters, here several", channel.title)
        if not parts and stamp not in channel.roots:
            self._summary.leave("message with nothing to show", channel.title)
            return []
        return self._build(channel, message, stamp, parts)

    def _build(
        self, channel: Channel, message: Message, stamp: int, parts: Sequence[str]
    ) -> list[HistoryMessage]:
        created_at = to_moment(stamp)
        sender_id = self._user_ids[self._people.name_sender(message)]
        thread_id = self._find_thread(channel, message, stamp)
        is_pinned = stamp in channel.pins or channel.id in (message.pinned_to or ())
        first = HistoryMessage(
            id=self._ids.message(channel.id, stamp),
            sender_id=sender_id,
            text=parts[0] if parts else "",
            created_at=created_at,
            thread_id=thread_id,
            edited_at=find_moment(message.edited.ts) if message.edited and parts else None,
            pinned_at=(find_moment(channel.pins.get(stamp)) or created_at) if is_pinned and parts else None,
            deleted_at=None if parts else created_at,
            reactions=self._list_reactions(channel, message) if message.reactions and parts else [],
        )
        further = [
            HistoryMessage(
                self._ids.message(channel.id, stamp, number), sender_id, text, created_at, thread_id
            )
            for number, text in enumerate(parts[1:], 1)
        ]
        return [first, *further]

    def _find_thread(self, channel: Channel, message: Message, stamp: int) -> str | None:
        root = parse_stamp(message.thread_ts)
        if root is None or root == stamp:
            return None
        if message.subtype == "thread_broadcast":
            self._summary.leave("reply that was shown in the channel too, here in its thread", channel.title)
        return self._ids.message(channel.id, root)

    def _write(self, channel: Channel, message: Message) -> str:
        text = to_markdown(describe(message), self._names)
        if message.subtype == "me_message" and text and "\n" not in text:
            text = f"_{text}_"
        if not message.files and not message.file:
            return text
        files = [each for each in (*(message.files or ()), message.file) if each is not None]
        lines = [self._write_file(channel, each) for each in files]
        return "\n".join(line for line in (text, *lines) if line)

    def _write_file(self, channel: Channel, file: File) -> str:
        url = file.permalink or (file.url_private or "").partition("?")[0]  # behind it may stand a token
        if file.mode in _GONE_FILE_MODES or not url:
            self._summary.leave("file that Slack has no more", channel.title)
            return ""
        self._summary.leave("file, here a link to it: its content stays with Slack", channel.title)
        size = f" ({_describe_size(file.size)})" if file.size else ""
        return link(file.title or file.name or "file", url) + size

    def _list_reactions(self, channel: Channel, message: Message) -> list[HistoryReaction]:
        users: dict[str, dict[str, None]] = {}
        for reaction in message.reactions or ():
            named = [self._user_ids[user] for user in reaction.users or () if user in self._user_ids]
            unnamed = (reaction.count or 0) - len(reaction.users or ())
            if unnamed > 0:
                self._summary.leave(
                    "reaction of somebody whom the export does not name", channel.title, unnamed
                )
            found = to_reaction(reaction.name)
            if found is None or (found not in users and len(users) == REACTION_KINDS_MAX):
                self._summary.leave("reaction that cannot be one here", channel.title)
                continue
            if found.startswith(":"):
                self._summary.leave("reaction with a custom emoji, here its name", found)
            users.setdefault(found, {}).update(dict.fromkeys(named))
        return [HistoryReaction(each, list(who)) for each, who in users.items() if who]


def _find_reason_to_skip(message: Message) -> str | None:
    if message.subtype in _NOTICES:
        return "notice of Slack's (who joined, left, renamed, pinned …)"
    if message.subtype in _EDIT_LOG or message.hidden:
        return "entry of an edit log"
    if message.subtype == "tombstone":
        return "message that was deleted"
    return None


def _describe_size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size_bytes < _KILO:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _KILO
    return f"{size_bytes:.1f} GB"
