"""Recovery codes: made ten at a time, shown once, each good for one sign-in. Stored as keyed digests."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from services.auth.sealing import derive_key

COUNT = 10
# Crockford's base 32: nothing in it looks like something else. 25 are 125 bits, too many to try offline.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 25
_GROUP = 5
_LOOKALIKES = str.maketrans("oil", "011")
_SEPARATORS = " -"


class RecoveryCodes:
    """The codes of a deployment. Without its secret a stored digest cannot be tried against."""

    def __init__(self, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self._keys = [derive_key(each, "recovery codes") for each in (secret, *previous)]

    @staticmethod
    def create() -> list[str]:
        """Return new ones, as people read them."""
        drawn = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT)]
        return ["-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for code in drawn]

    def hash(self, code: str, user_id: str) -> bytes:
        """Return what is stored of a code of that user, however it is spelled."""
        return self.list_hashes(code, user_id)[0]

    def list_hashes(self, code: str, user_id: str) -> list[bytes]:
        """Return what may be stored of it: the secret may have changed since."""
        spelled = f"{user_id}:{_normalize(code)}".encode()
        return [hmac.digest(key, spelled, hashlib.sha256) for key in self._keys]


def strip_separators(code: str) -> str:
    """Return a code without what people put between its digits."""
    return code.translate(str.maketrans("", "", _SEPARATORS))


def _normalize(code: str) -> str:
    return strip_separators(code).lower().translate(_LOOKALIKES)
