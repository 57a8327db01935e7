"""What registering costs who does it: a challenge that this deployment has signed, solved, and used once.

Nothing is stored for a challenge until it is used; then only that it was, for as long as it would be good.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from services.auth.sealing import derive_key
from services.auth.store.limits import Bucket
from shared.contracts.errors import ErrorCode
from shared.contracts.proof_of_work import ProofOfWork, WorkChallenge
from shared.errors import ChatError
from shared.proof_of_work import is_solution

LIFE = timedelta(minutes=10)
_NONCE_BYTES = 16
_PURPOSE = "proof of work"


class WorkGate:
    """Gives challenges out and takes solutions; with 0 bits, there is nothing to solve."""

    def __init__(self, bits: int, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self.is_on = bits > 0
        self._bits = bits
        self._keys = [derive_key(each, _PURPOSE) for each in (secret, *previous)]

    def challenge(self, now: datetime) -> WorkChallenge:
        """Return a new one, which is good for ten minutes."""
        claim = f"{int((now + LIFE).timestamp())}.{secrets.token_urlsafe(_NONCE_BYTES)}"
        return WorkChallenge(f"{claim}.{self._sign(self._keys[0], claim)}", self._bits)

    def check(self, proof: ProofOfWork | None, now: datetime) -> list[Bucket]:
        """Return what the use of this proof is charged to: it can be once.

        A few hashes, whatever is presented. Raises ChatError `forbidden` with a new challenge.
        """
        if proof is None:
            raise self.refuse("registering here takes a proof of work", now)
        claim, _, signature = proof.challenge.rpartition(".")
        is_ours = any(hmac.compare_digest(self._sign(key, claim), signature) for key in self._keys)
        is_solved = is_solution(proof.challenge, proof.solution, self._bits)
        if not is_ours or not is_solved or int(claim.partition(".")[0]) <= now.timestamp():
            raise self.refuse("this proof of work is wrong, or too old", now)
        key = hashlib.blake2b(f"{_PURPOSE}\0{proof.challenge}".encode(), digest_size=16).digest()
        return [Bucket(key, LIFE, burst=1)]

    def refuse(self, why: str, now: datetime) -> ChatError:
        """Return the refusal of who has yet to solve one, with one."""
        asked = self.challenge(now)
        details = {"reason": "proof_of_work", "challenge": asked.challenge, "bits": asked.bits}
        return ChatError(ErrorCode.FORBIDDEN, why, details=details)

    def _sign(self, key: bytes, claim: str) -> str:
        # With the bits: a challenge from when less was asked for is worth nothing now.
        digest = hmac.digest(key, f"{self._bits}.{claim}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
