"""Who may register, and what the page for it must know beforehand."""

from typing import Literal

from msgspec import Struct, field

from shared.contracts.entities import Empty
from shared.contracts.proof_of_work import WorkChallenge
from shared.contracts.registry import GET, REST_ONLY, Access, command

RegistrationMode = Literal["open", "invite", "closed", "domain"]


class Provider(Struct, frozen=True):
    """Where else one can sign in: `auth.begin_oidc`."""

    id: str
    name: str


class Policy(Struct, frozen=True):
    """What anybody may know before they sign in."""

    registration: RegistrationMode
    domains: list[str]
    """Whose addresses may register, in the mode `domain`; else empty."""
    password_min: int
    password_max: int
    terms_version: str | None
    """Null: there are no terms to accept."""
    terms_url: str | None
    minimum_age: int | None
    sends_mail: bool
    """Whether addresses can be verified and forgotten passwords set anew."""
    providers: list[Provider] = field(default_factory=list)
    proof_of_work: WorkChallenge | None = None
    """What registering costs: good for ten minutes and one account. Null: nothing."""


get_policy = command(
    "auth.get_policy", Empty, Policy, "Who may register, and what they must accept",
    service="auth", http=GET("/auth/policy"), access=Access.PUBLIC, doors=REST_ONLY,
)  # fmt: skip
