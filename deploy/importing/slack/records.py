"""What the JSON of a Slack export holds, as far as it is of use. Shapes only; everything may be missing."""

from typing import Any

from msgspec import Raw, Struct, field


class UserProfile(Struct):
    real_name: str | None = None
    display_name: str | None = None
    name: str | None = None
    email: str | None = None
    title: str | None = None
    bot_id: str | None = None


class User(Struct):
    id: str
    name: str | None = None
    team_id: str | None = None
    real_name: str | None = None
    deleted: bool | None = None
    tz: str | None = None
    is_bot: bool | None = None
    is_admin: bool | None = None
    is_owner: bool | None = None
    is_restricted: bool | None = None
    is_ultra_restricted: bool | None = None
    profile: UserProfile = field(default_factory=UserProfile)


class Words(Struct):
    """A topic or a purpose."""

    value: str | None = None


class Pin(Struct):
    id: str | None = None
    type: str | None = None
    """`C`: a message, `F`: a file."""
    created: int | float | None = None


class Conversation(Struct):
    """A channel, a private one, a direct message, or one of a group."""

    id: str
    name: str | None = None
    created: int | float | None = None
    creator: str | None = None
    is_archived: bool | None = None
    members: list[str] | None = None
    topic: Words | None = None
    purpose: Words | None = None
    pins: list[Pin] | None = None


class Edited(Struct):
    ts: str | None = None


class Reaction(Struct):
    name: str
    users: list[str] | None = None
    count: int | None = None


class File(Struct):
    name: str | None = None
    title: str | None = None
    mode: str | None = None
    size: int | float | None = None
    permalink: str | None = None
    url_private: str | None = None


class AttachmentField(Struct):
    title: str | None = None
    value: Any = None


class Attachment(Struct):
    pretext: str | None = None
    author_name: str | None = None
    title: str | None = None
    title_link: str | None = None
    from_url: str | None = None
    text: str | None = None
    fallback: str | None = None
    image_url: str | None = None
    fields: list[AttachmentField] | None = None
    is_msg_unfurl: bool | None = None


class BotProfile(Struct):
    name: str | None = None


class Comment(Struct):
    user: str | None = None


class Message(Struct):
    ts: str | None = None
    type: str | None = None
    subtype: str | None = None
    hidden: bool | None = None
    user: str | None = None
    bot_id: str | None = None
    username: str | None = None
    text: str | None = None
    thread_ts: str | None = None
    edited: Edited | None = None
    reactions: list[Reaction] | None = None
    files: list[File | None] | None = None
    file: File | None = None
    attachments: list[Attachment | None] | None = None
    blocks: Raw = field(default_factory=lambda: Raw(b"null"))
    comment: Comment | None = None
    user_profile: UserProfile | None = None
    bot_profile: BotProfile | None = None
    pinned_to: list[str] | None = None
