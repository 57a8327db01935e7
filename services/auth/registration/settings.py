"""Settings of registration: the mode, the terms, the minimum age."""

from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from shared.contracts.registration import RegistrationMode
from shared.settings import ServiceSettings

_VERSION_MAX = 64


class RegistrationSettings(ServiceSettings):
    """As they come, anybody may register and accepts nothing."""

    auth_registration: RegistrationMode = "open"
    auth_registration_domains: str = Field(default="", validate_default=True)
    """For the mode `domain`: whose addresses may register, separated by commas."""
    auth_terms_version: str = Field(default="", max_length=_VERSION_MAX)
    """A new version is to be accepted again by everybody."""
    auth_terms_url: str = ""
    auth_minimum_age: int = Field(default=0, ge=0, le=120)
    """In years; 0: nobody is asked."""
    auth_proof_of_work_bits: int = Field(default=0, ge=0, le=28)
    """How hard the puzzle is that registering takes, in zero bits of SHA-256; 0: there is none."""

    @field_validator("auth_registration_domains")
    @classmethod
    def _check_domains(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("auth_registration") == "domain" and not split_domains(value):
            raise ValueError("names no domain, but CHATCRAFT_AUTH_REGISTRATION is domain")
        return value

    @field_validator("auth_terms_url")
    @classmethod
    def _check_terms_url(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError("must be an address, as in: https://chat.example.org/terms")
        return value


def split_domains(value: str) -> list[str]:
    """Return the named domains in lower case."""
    return [each.strip().lower() for each in value.split(",") if each.strip()]
