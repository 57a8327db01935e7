"""Slack's mrkdwn as our Markdown: markup, links, mentions, emoji. Pure; the text need not be well-formed.

Rendered parts wait as marks (control characters, which no text here has) until all around them is done.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct, field

from deploy.importing.slack.emojis import replace_short_names

# Most texts are plain: one search tells, where twenty substitutions would find nothing.
_UNCLEAN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_MARKED_UP = re.compile(r"[<&`*~\\:\n]|^[-=#]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029]")

_FENCED = re.compile(r"```(.+?)```", re.DOTALL)
_QUOTED_CODE = re.compile("`([^`\n\x00]+)`")
_TOKEN = re.compile(r"<([^<>\n]{1,8000})>")
# As in Slack: inside a line, the stars at the edge of words.
_BOLD = re.compile(r"(?<![^\W_])(?<!\*)\*(?=[^\s*])([^*\n]*[^\s*])\*(?!\*)(?![^\W_])")
_STRUCK = re.compile(r"(?<![^\W_])(?<!~)~(?=[^\s~])([^~\n]*[^\s~])~(?!~)(?![^\W_])")
_LONE_STAR = re.compile(r"(?<=\S)\*|\*(?=\S)")
_ESCAPING = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
# A heading, or a line that would make one of the line above it.
_LINE_START = re.compile(r"^(?=#{1,6}(?:\s|$)|(?:-+|=+)[ \t]*$)", re.MULTILINE)
_QUOTE_END = re.compile(r"^(&gt;[^\n]*)\n(?!&gt;|\n|$)", re.MULTILINE)
_QUOTE_REST = re.compile(r"^&gt;&gt;&gt; ?(.*)\Z", re.MULTILINE | re.DOTALL)
# What would be read as one of our own mentions, though nobody was mentioned.
_FALSE_MENTION = re.compile(r"<(?=@[0-9a-f]{8}-|!(?:here|room)>)")
_MARK = re.compile("\x00([0-9]+)\x01")
_LINKED_SCHEMES = ("http", "https", "mailto")
_EVERYBODY = ("channel", "everyone", "group")
_BOLD_MARK = "\x02"


class Names(Struct, frozen=True):
    """Whom and what a text can name."""

    user_ids: Mapping[str, str] = field(default_factory=dict)
    """Of our accounts, by the id that the text has."""
    people: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    """Of public channels: the name of a private one is not told in passing."""


def clean(text: str) -> str:
    """Return the text without what no message here may hold."""
    if not _UNCLEAN.search(text):
        return text
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", _NEWLINES.sub("\n", text)))


def to_markdown(text: str, names: Names) -> str:
    """Return a message's text as Markdown source."""
    text = clean(text)
    return _Translation(names).translate(text) if _MARKED_UP.search(text) else text


def to_plain(text: str) -> str:
    """Return a text in which Slack has escaped only the three characters, such as a topic."""
    return clean(_unescape(_TOKEN.sub(lambda token: _label_of(token[1]), text)))


def link(label: str, url: str) -> str:
    """Return a Markdown link; only the label, if the address is none that a reader may follow."""
    address = _safe_url(url)
    shown = re.sub(r"([\[\]\\])", r"\\\1", " ".join(clean(label).split())) or address or ""
    return f"[{shown}]({address})" if address else shown


class _Translation:
    def __init__(self, names: Names) -> None:
        self._names = names
        self._rendered: list[str] = []
        self._mentions: dict[int, str] = {}

    def translate(self, text: str) -> str:
        if "`" in text:
            text = _FENCED.sub(self._keep_fenced, text)
            text = _QUOTED_CODE.sub(lambda code: self._keep(f"`{_plain_code(code[1])}`"), text)
        if "<" in text:
            text = _TOKEN.sub(lambda token: self._keep_token(token[1]), text)
        text = _unescape(_format(text))
        if self._rendered:
            text = _MARK.sub(self._put_back, text)
        if "<" in text:
            text = _FALSE_MENTION.sub(r"<\\", text)
        if self._mentions:
            text = _MARK.sub(lambda mark: self._mentions[int(mark[1])], text)
        return text.strip("\n")

    def _keep(self, rendered: str) -> str:
        self._rendered.append(rendered)
        return f"\x00{len(self._rendered) - 1}\x01"

    def _keep_mention(self, token: str) -> str:
        mark = self._keep("")
        self._mentions[len(self._rendered) - 1] = token
        return mark

    def _put_back(self, mark: re.Match[str]) -> str:
        index = int(mark[1])
        return mark[0] if index in self._mentions else self._rendered[index]

    def _keep_fenced(self, fenced: re.Match[str]) -> str:
        code = _plain_code(fenced[1]).strip("\n")
        if not code.strip():
            return fenced[0].replace("`", "'")
        before = "" if fenced.start() == 0 or fenced.string[fenced.start() - 1] == "\n" else "\n"
        after = "" if fenced.string[fenced.end() : fenced.end() + 1] in ("", "\n") else "\n"
        return before + self._keep(f"```\n{code}\n```") + after

    def _keep_token(self, content: str) -> str:
        kinds: dict[str, Callable[[str, str], str]] = {
            "@": self._person,
            "#": self._channel,
            "!": self._special,
        }
        target, _, label = _MARK.sub("", content).partition("|")
        return kinds.get(target[:1], self._link)(target, replace_short_names(_unescape(label)))

    def _person(self, target: str, label: str) -> str:
        person = target[1:]
        if (user_id := self._names.user_ids.get(person)) is not None:
            return self._keep_mention(f"<@{user_id}>")
        name = label.lstrip("@") or self._names.people.get(person, person)
        return self._keep(f"@{name}")

    def _channel(self, target: str, label: str) -> str:
        return self._keep("#" + (label or self._names.channels.get(target[1:], "private-channel")))

    def _special(self, target: str, label: str) -> str:
        word = target[1:].partition("^")[0]
        if word == "here":
            return self._keep_mention("<!here>")
        if word in _EVERYBODY:
            return self._keep_mention("<!room>")
        return self._keep(label or f"@{word}")

    def _link(self, target: str, label: str) -> str:
        url = _unescape(target)
        if not label or label == url or url.endswith(f"//{label}") or url == f"mailto:{label}":
            return self._keep(label if url.startswith("mailto:") and label else url)
        return self._keep(link(label, url))


def _format(text: str) -> str:
    """Turn Slack's stars and tildes into Markdown's, and escape what only Markdown would take for markup."""
    text = replace_short_names(_ESCAPING.sub(r"\\\\", text) if "\\" in text else text)
    if "&gt;" in text:
        text = _QUOTE_REST.sub(lambda rest: "\n".join(f"&gt; {line}" for line in rest[1].split("\n")), text)
        text = _QUOTE_END.sub("\\1\n\n", text)
    if "*" in text:
        text = _BOLD.sub(f"{_BOLD_MARK}\\1{_BOLD_MARK}", text)
        text = _LONE_STAR.sub(r"\\*", text).replace(_BOLD_MARK, "**")
    if "~" in text:
        text = _STRUCK.sub(r"~~\1~~", text)
    return _LINE_START.sub(r"\\", text)


def _unescape(text: str) -> str:
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _plain_code(code: str) -> str:
    """Code as it was typed: what Slack made of addresses and names in it, undone."""
    return _unescape(_TOKEN.sub(lambda token: _label_of(token[1]), code))


def _label_of(content: str) -> str:
    target, _, label = content.partition("|")
    return label or target.removeprefix("!")


def _safe_url(url: str) -> str | None:
    url = clean(url).strip()
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return None
    if scheme not in _LINKED_SCHEMES or re.search(r"\s", url):
        return None
    return url.replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")
