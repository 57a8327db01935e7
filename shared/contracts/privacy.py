"""Commands of privacy: an export of everything about the caller, and the erasure of their account."""

from typing import Literal

from msgspec import Struct

from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Id, Receipt
from shared.contracts.registry import DELETE, GET, POST, Access, command

ExportState = Literal["waiting", "ready", "failed"]
ErasureState = Literal["waiting", "running", "finished"]
MessagesChoice = Literal["erase", "anonymise"]
"""What becomes of what the user has written: it goes, or it stays under "Deleted user"."""
ErasureStep = Literal["access", "rooms", "messages", "presence", "account"]
"""Locked out; out of all rooms; what was written and kept there; status; all that the auth service knows."""


class Export(Struct, frozen=True):
    """One ZIP, downloaded from `/files/exports/{id}`; docs/privacy.md says what is in it."""

    id: str
    state: ExportState
    requested_at: str
    ready_at: str | None
    expires_at: str | None
    """When it is deleted; null while it is made."""
    size_bytes: int | None


class Exports(Struct, frozen=True):
    """The newest first."""

    exports: list[Export]


class OneExport(Struct, frozen=True):
    export_id: Id


class EraseMe(Struct, frozen=True):
    messages: MessagesChoice


class FinishedStep(Struct, frozen=True):
    name: ErasureStep
    finished_at: str | None
    """Null: not yet."""


class Erasure(Struct, frozen=True):
    """How far an erasure has come. It goes on by itself, and cannot be taken back."""

    id: str
    state: ErasureState
    messages: MessagesChoice
    requested_at: str
    finished_at: str | None
    steps: list[FinishedStep]
    """In their order."""


class StartedErasure(Struct, frozen=True):
    receipt: str
    """Shown this once; with it anybody can ask how far the erasure has come."""
    erasure: Erasure


class HeldReceipt(Struct, frozen=True):
    receipt: Receipt


_REFUSALS = (ErrorCode.CONFLICT, ErrorCode.NOT_FOUND)

request_export = command(
    "privacy.request_export", Empty, Export, "Begin an export of everything about the caller",
    service="auth", http=POST("/users/me/exports"), status=202, errors=_REFUSALS,
)  # fmt: skip
list_exports = command(
    "privacy.list_exports", Empty, Exports, "The caller's exports that are made or can be downloaded",
    service="auth", http=GET("/users/me/exports"),
)  # fmt: skip
delete_export = command(
    "privacy.delete_export", OneExport, Empty, "Delete an export, or stop making it",
    service="auth", http=DELETE("/users/me/exports/{export_id}"), errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
erase_me = command(
    "privacy.erase_me", EraseMe, StartedErasure, "Erase the caller's account, at once and for good",
    service="auth", http=POST("/users/me/erasure"), status=202, errors=_REFUSALS,
)  # fmt: skip
get_erasure = command(
    "privacy.get_erasure", HeldReceipt, Erasure, "How far an erasure has come, for who holds its receipt",
    service="auth", http=GET("/erasures/{receipt}"), access=Access.PUBLIC, errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
