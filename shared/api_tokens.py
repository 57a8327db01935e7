"""API tokens as text: `cct_`, the token's id, its secret and a checksum, all in base62. Pure.

Made by the auth service, checked by the gateway before anybody is asked. A scanner for leaked secrets finds
them by `cct_[0-9A-Za-z]{71}`, and the checksum tells them from anything that only looks like one.
"""

import hashlib
import re
import secrets
import uuid
import zlib

PREFIX = "cct_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BYTES = 32
# As many digits as 128, 256 and 32 bits can need.
_ID_DIGITS, _SECRET_DIGITS, _CHECKSUM_DIGITS = 22, 43, 6
_TOKEN = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_ID_DIGITS + _SECRET_DIGITS + _CHECKSUM_DIGITS}}}")


def create_token(token_id: str) -> str:
    """Return a new token with that id, a UUID. Nobody can make it again: show it, store its hash."""
    secret = int.from_bytes(secrets.token_bytes(_SECRET_BYTES))
    body = PREFIX + _encode(uuid.UUID(token_id).int, _ID_DIGITS) + _encode(secret, _SECRET_DIGITS)
    return body + _checksum(body)


def is_well_formed(token: str) -> bool:
    """Whether it is written like a token, to the checksum; a mistyped or invented one seldom is."""
    if _TOKEN.fullmatch(token) is None:
        return False
    return token[-_CHECKSUM_DIGITS:] == _checksum(token[:-_CHECKSUM_DIGITS])


def hash_token(token: str) -> str:
    """Return what is stored, sent and asked for: SHA-256 in hex. 256 random bits need no stretching."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _encode(zlib.crc32(body.encode()), _CHECKSUM_DIGITS)


def _encode(number: int, digits: int) -> str:
    encoded = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        encoded = _DIGITS[digit] + encoded
    return encoded
