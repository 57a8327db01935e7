"""The rules of registration, made of the settings: whom it lets in, and what they must accept. No I/O."""

from typing import Protocol

from services.auth.mail.message import split_address
from services.auth.registration.settings import RegistrationSettings, split_domains
from shared.contracts.consents import Consent, ConsentKind, DueConsent
from shared.contracts.errors import ErrorCode
from shared.contracts.limits import PASSWORD_MAX, PASSWORD_MIN
from shared.contracts.proof_of_work import WorkChallenge
from shared.contracts.registration import Policy, Provider
from shared.errors import ChatError, invalid


class Applicant(Protocol):
    """What is asked of who registers, by whatever command."""

    @property
    def email(self) -> str | None: ...
    @property
    def invitation(self) -> str | None: ...
    @property
    def accepts_terms(self) -> str | None: ...
    @property
    def is_old_enough(self) -> bool: ...


class RegistrationPolicy:
    """Asked by the commands; each method raises ChatError for who is not let in."""

    def __init__(self, settings: RegistrationSettings, *, sends_mail: bool) -> None:
        self.mode = settings.auth_registration
        self._domains = split_domains(settings.auth_registration_domains) if self.mode == "domain" else []
        self._sends_mail = sends_mail
        self._terms_version = settings.auth_terms_version
        self._terms_url = settings.auth_terms_url or None
        self._minimum_age = settings.auth_minimum_age

    def describe(self, providers: list[Provider], work: WorkChallenge | None = None) -> Policy:
        """Return what the page for signing in may know; `work` is what a registration takes to be solved."""
        return Policy(
            registration=self.mode,
            domains=self._domains,
            password_min=PASSWORD_MIN,
            password_max=PASSWORD_MAX,
            terms_version=self._terms_version or None,
            terms_url=self._terms_url if self._terms_version else None,
            minimum_age=self._minimum_age or None,
            sends_mail=self._sends_mail,
            providers=providers,
            proof_of_work=work,
        )

    @property
    def needs_invitation(self) -> bool:
        return self.mode == "invite"

    @property
    def must_verify_email(self) -> bool:
        """Whether a new account is let in only once its address is verified."""
        return self.mode == "domain"

    def admit(self, asked: Applicant) -> None:
        """Let a registration pass, or raise `forbidden` or `invalid_input`. Invitations are the store's."""
        if self.mode == "closed":
            raise closed()
        if self.needs_invitation and asked.invitation is None:
            raise not_invited()
        if self._domains:
            self.check_email(asked.email)
        if self._terms_version and asked.accepts_terms != self._terms_version:
            raise invalid(
                "accepts_terms", f"must be the version of the terms in force, {self._terms_version}"
            )
        if self._minimum_age and not asked.is_old_enough:
            raise invalid(
                "is_old_enough", f"must be true: who registers must be at least {self._minimum_age}"
            )

    def check_email(self, email: str | None) -> None:
        """Raise `invalid_input` for an address of another domain, where that matters."""
        if not self._domains:
            return
        parts = split_address(email or "")
        if parts is None or parts[1].lower() not in self._domains:
            raise invalid("email", f"must be an address at {' or '.join(self._domains)}")

    def list_required(self) -> list[tuple[ConsentKind, str]]:
        """Return what is in force, by kind and version."""
        required: list[tuple[ConsentKind, str]] = []
        if self._terms_version:
            required.append(("terms", self._terms_version))
        if self._minimum_age:
            required.append(("age", str(self._minimum_age)))
        return required

    def list_due(self, accepted: list[Consent]) -> list[DueConsent]:
        """Return what is in force and not among what was accepted."""
        known = {(each.kind, each.version) for each in accepted}
        return [
            DueConsent(kind, version, self._terms_url if kind == "terms" else None)
            for kind, version in self.list_required()
            if (kind, version) not in known
        ]


def closed() -> ChatError:
    """Return the refusal of everybody who has no account."""
    return ChatError(
        ErrorCode.FORBIDDEN, "nobody can register here", details={"reason": "registration_closed"}
    )


def not_invited() -> ChatError:
    """Return the refusal of who has no invitation that can be used."""
    return ChatError(ErrorCode.FORBIDDEN, "an invitation is needed", details={"reason": "invitation"})


def must_verify() -> ChatError:
    """Return the refusal of who has an account and has yet to follow the link that was mailed."""
    return ChatError(
        ErrorCode.FORBIDDEN,
        "follow the link in the mail that was sent to you, then sign in",
        details={"reason": "verify_email"},
    )
