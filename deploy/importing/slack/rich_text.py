"""The text of messages that have none of their own: attachments and blocks, mostly of bots. Pure.

Returns mrkdwn, as Slack would have it in `text`.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from deploy.importing.slack.records import Attachment, Message

_DEPTH_MAX = 20
_LINES = {"rich_text_section", "rich_text_preformatted", "rich_text_quote"}
_TEXT_KEYS = ("text", "elements", "fields", "title", "hint")


def describe(message: Message) -> str:
    """Return the message's own text, then what is attached to it."""
    text = (message.text or "").strip()
    if text and not message.attachments:
        return text
    attached = [_describe_attachment(each) for each in message.attachments or [] if each is not None]
    parts = [text, *(part for part in attached if part and part not in text)]
    if not any(parts):
        parts = [_describe_blocks(message.blocks)]
    return "\n".join(part for part in parts if part)


def _describe_attachment(attachment: Attachment) -> str:
    """Return an attachment as a quotation; what Slack itself unfolded from a link in the text, not at all."""
    if attachment.is_msg_unfurl or (attachment.from_url and not attachment.pretext):
        return ""
    title = attachment.title or ""
    if title and attachment.title_link:
        title = f"<{attachment.title_link}|{title}>"
    fields = [f"*{each.title}*: {each.value}" for each in attachment.fields or [] if each.title]
    lines = [attachment.author_name, f"*{title}*" if title else "", attachment.text, *fields]
    if not any(lines):
        lines = [attachment.fallback or attachment.image_url]
    body = "\n".join(line for line in lines if line)
    quoted = "\n".join(f"&gt; {line}" for line in body.split("\n")) if body else ""
    return "\n".join(part for part in (attachment.pretext, quoted) if part)


def _describe_blocks(blocks: Raw) -> str:
    try:
        parsed = msgspec.json.decode(blocks)
    except (msgspec.DecodeError, RecursionError):
        return ""
    lines = ["".join(_walk(block, 0)) for block in parsed] if isinstance(parsed, list) else []
    return "\n".join(line for line in lines if line.strip())


def _walk(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and (leaf := _write_leaf(value)) is not None:
        yield leaf
    elif depth < _DEPTH_MAX:
        for part in _list_parts(value):
            yield from _walk(part, depth + 1)


def _list_parts(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    return [*(value.get(key) for key in _TEXT_KEYS), "\n" if value.get("type") in _LINES else None]


def _write_leaf(element: dict[str, Any]) -> str | None:
    match element:
        case {"type": "user", "user_id": str(user_id)}:
            return f"<@{user_id}>"
        case {"type": "channel", "channel_id": str(channel_id)}:
            return f"<#{channel_id}>"
        case {"type": "broadcast", "range": str(whom)}:
            return f"<!{whom}>"
        case {"type": "emoji", "name": str(name)}:
            return f":{name}:"
        case {"type": "link", "url": str(url)}:
            return f"<{url}|{label}>" if (label := element.get("text")) else f"<{url}>"
    return None
