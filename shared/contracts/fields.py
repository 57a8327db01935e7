"""The field types of requests: one name per kind of value, with its bounds.

Used by the command structs. `PROBLEMS` says in words what a pattern means, for error replies.
"""

from typing import Annotated

from msgspec import Meta

from shared.contracts.limits import (
    INVITE_CODE_LENGTH,
    MESSAGE_TEXT_MAX,
    PASSWORD_MAX,
    PASSWORD_MIN,
    RECEIPT_LENGTH,
)

# `$` alone also matches before a trailing newline in Python; `(?!\n)` makes it the end in every dialect.
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$(?!\n)"
_USERNAME = r"^[A-Za-z0-9._-]+$(?!\n)"
_CURSOR = r"^[A-Za-z0-9_=-]+$(?!\n)"
_BASE64URL = r"^[-A-Za-z0-9_]+$(?!\n)"
_TRANSPORT = r"^[a-z-]+$(?!\n)"
_EMAIL = r"^[^\s@\x00-\x1f<>\"]+@[^\s@\x00-\x1f<>\"]+$(?!\n)"
# All of C0 but tab and newline.
_CONTROL = r"\x00-\x08\x0b-\x1f"
# Blank to the eye: spaces, delete, soft hyphen, fillers, zero-width characters and direction marks.
_BLANK = (
    r" \x7f\u0085\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
# One way to match each (blanks, then the first visible character, then the rest): linear in the text.
_VISIBLE_TEXT = rf"^[\t\n{_BLANK}]*[^\t\n{_BLANK}{_CONTROL}][^{_CONTROL}]*$(?!\n)"
_LINE = r"^[^\x00-\x1f\x7f\u2028\u2029]*$(?!\n)"
_VISIBLE_ASCII = r"^[!-~]+$(?!\n)"
_VISIBLE_LINE = rf"^[{_BLANK}]*[^{_BLANK}\x00-\x1f\x7f][^\x00-\x1f\x7f\u2028\u2029]*$(?!\n)"
_TEXT = rf"^[^{_CONTROL}]*$(?!\n)"
_INVITE_CODE = r"^[A-Za-z0-9_-]+$(?!\n)"
_LOCALE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$(?!\n)"
_TIMEZONE = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$(?!\n)"
# Which strings of such characters are emoji is a table of its own: the service holds it.
_EMOJI = r"^(:[a-z0-9_+-]{1,48}:|[^\x00-\x1f\x7f\s:/]+)$(?!\n)"
_SCOPE = r"^(read|write|rooms:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$(?!\n)"
_TIMESTAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$(?!\n)"
_ACTION = r"^[a-z_]+(\.[a-z_]+)?$(?!\n)"
_PROVIDER = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$(?!\n)"
_MOMENT = r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d))?$(?!\n)"

PROBLEMS: dict[str, str] = {
    _UUID: "must be a UUID in lower case",
    _USERNAME: "may hold only letters, digits, '.', '_' and '-'",
    _CURSOR: "is not a cursor that this server gave",
    _BASE64URL: "must be base64url without padding",
    _TRANSPORT: "must be a transport such as usb or internal",
    _INVITE_CODE: "is not a code of an invitation",
    _EMAIL: "must be an e-mail address",
    _VISIBLE_TEXT: "must have a visible character and no control characters but tab and newline",
    _VISIBLE_LINE: "must have a visible character and no control characters",
    _VISIBLE_ASCII: "must be visible ASCII characters without spaces",
    _LINE: "must not have control characters or line breaks",
    _TEXT: "must not have control characters but tab and newline",
    _LOCALE: "must be a language tag such as en or pt-BR",
    _TIMEZONE: "must be an IANA time zone such as Europe/Berlin",
    _EMOJI: "must be one emoji, or the name of a custom one such as :party_parrot:",
    _SCOPE: "must be read, write or rooms:<room id>",
    _TIMESTAMP: "must be an RFC 3339 time such as 2026-01-31T12:00:00.000Z",
    _ACTION: "must be an action such as login.revoked, or the noun of several such as login",
    _PROVIDER: "must be the id of a provider such as corp",
    _MOMENT: "must be a day such as 2026-01-31 or an RFC 3339 time such as 2026-01-31T12:00:00.000Z",
}

Id = Annotated[str, Meta(pattern=_UUID, max_length=36)]
Username = Annotated[str, Meta(pattern=_USERNAME, min_length=3, max_length=32)]
Login = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=254)]
Password = Annotated[str, Meta(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]
# Whatever may be a password may be given as one, also one from before a rule, or a directory's.
GivenPassword = Annotated[str, Meta(min_length=1, max_length=8_192)]
Secret = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=8_192)]
WorkText = Annotated[str, Meta(pattern=_VISIBLE_ASCII, min_length=1, max_length=200)]
Email = Annotated[str, Meta(pattern=_EMAIL, min_length=3, max_length=254)]
TermsVersion = Annotated[str, Meta(pattern=_VISIBLE_LINE, min_length=1, max_length=64)]
DisplayName = Annotated[str, Meta(pattern=_VISIBLE_LINE, max_length=64)]
Bio = Annotated[str, Meta(pattern=_TEXT, max_length=500)]
Locale = Annotated[str, Meta(pattern=_LOCALE, max_length=35)]
Timezone = Annotated[str, Meta(pattern=_TIMEZONE, max_length=64)]
RoomName = Annotated[str, Meta(pattern=_VISIBLE_LINE, max_length=80)]
Topic = Annotated[str, Meta(pattern=_TEXT, max_length=500)]
MessageText = Annotated[str, Meta(pattern=_VISIBLE_TEXT, max_length=MESSAGE_TEXT_MAX)]
Emoji = Annotated[str, Meta(pattern=_EMOJI, min_length=1, max_length=50)]
DraftText = Annotated[str, Meta(pattern=_TEXT, max_length=MESSAGE_TEXT_MAX)]
InviteCode = Annotated[
    str, Meta(pattern=_INVITE_CODE, min_length=INVITE_CODE_LENGTH, max_length=INVITE_CODE_LENGTH)
]
Receipt = Annotated[str, Meta(pattern=_BASE64URL, min_length=RECEIPT_LENGTH, max_length=RECEIPT_LENGTH)]
Scope = Annotated[str, Meta(pattern=_SCOPE, max_length=42)]
TokenName = Annotated[str, Meta(pattern=_VISIBLE_LINE, max_length=64)]
StatusText = Annotated[str, Meta(pattern=_LINE, max_length=100)]
Query = Annotated[str, Meta(pattern=_LINE, max_length=100)]
SearchText = Annotated[str, Meta(pattern=_LINE, max_length=500)]
Cursor = Annotated[str, Meta(pattern=_CURSOR, min_length=1, max_length=512)]
Timestamp = Annotated[str, Meta(pattern=_TIMESTAMP, max_length=40)]
Moment = Annotated[str, Meta(pattern=_MOMENT, max_length=40)]
Action = Annotated[str, Meta(pattern=_ACTION, max_length=64)]
Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
PageSize = Annotated[int, Meta(ge=1, le=100)]
ProofCode = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=64)]
PasskeyName = Annotated[str, Meta(pattern=_VISIBLE_LINE, max_length=64)]
# Lengths in base64url: a credential id has at most 1,023 bytes (WebAuthn, 4), a user handle 64.
CredentialId = Annotated[str, Meta(pattern=_BASE64URL, min_length=1, max_length=1_364)]
UserHandle = Annotated[str, Meta(pattern=_BASE64URL, min_length=1, max_length=86)]
PasskeyBytes = Annotated[str, Meta(pattern=_BASE64URL, min_length=1, max_length=8_192)]
ProviderId = Annotated[str, Meta(pattern=_PROVIDER, min_length=1, max_length=32)]
Issuer = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=2_048)]
Transport = Annotated[str, Meta(pattern=_TRANSPORT, min_length=1, max_length=32)]
