"""Commands of consents: what the caller has accepted, and what is due because it has changed since."""

from typing import Literal

from msgspec import Struct

from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import TermsVersion
from shared.contracts.registry import GET, POST, command

ConsentKind = Literal["terms", "age"]


class Consent(Struct, frozen=True):
    kind: ConsentKind
    version: str
    """Of the terms; for `age` the minimum age."""
    accepted_at: str


class DueConsent(Struct, frozen=True):
    kind: ConsentKind
    version: str
    url: str | None
    """Where the terms can be read."""


class Consents(Struct, frozen=True):
    consents: list[Consent]
    """The latest first."""
    due: list[DueConsent]
    """What is in force and was not accepted yet."""


class AcceptConsent(Struct, frozen=True):
    kind: ConsentKind
    version: TermsVersion


list_consents = command(
    "consents.list", Empty, Consents, "What the caller has accepted, and what is due",
    service="auth", http=GET("/consents"),
)  # fmt: skip
accept = command(
    "consents.accept", AcceptConsent, Consents, "Accept what is in force",
    service="auth", http=POST("/consents"), errors=(ErrorCode.CONFLICT, ErrorCode.NOT_FOUND),
)  # fmt: skip
