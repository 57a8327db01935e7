"""The puzzle that registering may cost: what solves it, and the search for that. Pure.

Asked by the auth service, solved by clients. SHA-256 of `challenge:solution` begins with so many zero bits.
"""

import hashlib
import itertools

_DIGEST_BITS = 256


def is_solution(challenge: str, solution: str, bits: int) -> bool:
    """Whether it solves the challenge. One hash, whatever the bits."""
    return _measure(hashlib.sha256(f"{challenge}:".encode()), solution) >= bits


def solve(challenge: str, bits: int) -> str:
    """Search a solution; 2 to the power of `bits` hashes on average, about a million a second."""
    begun = hashlib.sha256(f"{challenge}:".encode())
    return next(each for each in map(str, itertools.count()) if _measure(begun, each) >= bits)


def _measure(begun: "hashlib._Hash", solution: str) -> int:
    """Return with how many zero bits the digest begins."""
    digest = begun.copy()
    digest.update(solution.encode())
    return _DIGEST_BITS - int.from_bytes(digest.digest()).bit_length()
