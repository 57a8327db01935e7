"""The puzzle that registering may cost, and its solution; `shared/proof_of_work.py` has what solves it."""

from msgspec import Struct

from shared.contracts.fields import WorkText


class WorkChallenge(Struct, frozen=True):
    """Find a text so that SHA-256 of `challenge:text`, in UTF-8, begins with so many zero bits."""

    challenge: str
    bits: int


class ProofOfWork(Struct, frozen=True, forbid_unknown_fields=True):
    """A challenge as it was given, and what solves it."""

    challenge: WorkText
    solution: WorkText
