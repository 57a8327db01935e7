"""WebAuthn as a relying party: what browsers are asked, and whether what they answer is true.

It holds no state, and no answer, however it was made up, gets past it as a crash.
"""

import secrets
import uuid

import msgspec
import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_attestation_object,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.auth.store.challenges import CHALLENGE_LIFE
from services.auth.store.passkeys import Credential, NewCredential
from shared.contracts.entities import Me
from shared.contracts.passkeys import PasskeyAssertion, PasskeyAttestation

_NAME = "ChatCraft"
_CHALLENGE_BYTES = 32
_TIMEOUT_MS = int(CHALLENGE_LIFE.total_seconds() * 1_000)
# RSA with 4,096 bits takes 537 bytes; nobody needs more.
_PUBLIC_KEY_MAX_BYTES = 1_024
# We ask for no attestation and trust none: browsers leave nothing, or a signature by the new key itself.
_FORMATS = frozenset({AttestationFormat.NONE, AttestationFormat.PACKED})
_KNOWN_TRANSPORTS = frozenset(each.value for each in AuthenticatorTransport)
# What the library, and those below it, make of bytes that are not what they should be.
_BROKEN = (
    WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, AttributeError, LookupError,
    ArithmeticError, RecursionError,
)  # fmt: skip


class NotVerified(Exception):  # noqa: N818 - reads as what happened
    """The answer is not a true one; the message is for people who develop clients."""


class Assertion(msgspec.Struct, frozen=True):
    """A true signature. The counter is for the store to compare: another node may be ahead."""

    sign_count: int
    is_backed_up: bool


class RelyingParty:
    """One deployment, as browsers know it."""

    def __init__(self, rp_id: str, origins: list[str]) -> None:
        self._rp_id = rp_id
        self._origins = origins

    @staticmethod
    def create_challenge() -> bytes:
        return secrets.token_bytes(_CHALLENGE_BYTES)

    def ask_to_create(self, me: Me, challenge: bytes, known: list[Credential]) -> dict[str, object]:
        """Return the options for a passkey that is found without a user name and verifies its user."""
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=_NAME,
            user_id=uuid.UUID(me.id).bytes,
            user_name=me.username,
            user_display_name=me.display_name,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            exclude_credentials=[_describe(each) for each in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
        return options_to_json_dict(options)

    def ask_to_sign(self, challenge: bytes, allowed: list[Credential]) -> dict[str, object]:
        """Return the options for a signature by one of these, or by any passkey if there are none."""
        options = webauthn.generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=[_describe(each) for each in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def verify_new(self, answer: PasskeyAttestation, challenge: bytes) -> NewCredential:
        """Raises NotVerified."""
        try:
            _refuse_embedded(answer.response.client_data_json)
            _refuse_attestation(answer.response.attestation_object)
            verified = webauthn.verify_registration_response(
                credential=msgspec.to_builtins(answer),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=True,
            )
            # With attestation `none` nothing was signed yet: a key that cannot verify would show too late.
            decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
        except _BROKEN as exc:
            raise NotVerified(str(exc)) from exc
        if verified.credential_id != base64url_to_bytes(answer.raw_id):
            raise NotVerified("the id is not that of the credential")
        if len(verified.credential_public_key) > _PUBLIC_KEY_MAX_BYTES:
            raise NotVerified("the public key is too large")
        return NewCredential(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=[each for each in answer.response.transports if each in _KNOWN_TRANSPORTS],
            is_backed_up=verified.credential_backed_up,
        )

    @staticmethod
    def find_id(answer: PasskeyAssertion) -> bytes | None:
        """Return by which credential the answer claims to be signed, or None if that is no base64url."""
        try:
            return base64url_to_bytes(answer.raw_id)
        except ValueError:
            return None

    def verify_signature(
        self, answer: PasskeyAssertion, challenge: bytes, credential: Credential
    ) -> Assertion:
        """Raises NotVerified. The counter is not looked at."""
        handle = answer.response.user_handle
        try:
            _refuse_embedded(answer.response.client_data_json)
            if handle is not None and base64url_to_bytes(handle) != uuid.UUID(credential.user_id).bytes:
                raise NotVerified("the passkey was made for somebody else")
            verified = webauthn.verify_authentication_response(
                credential=msgspec.to_builtins(answer),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=credential.public_key,
                # The library compares before it knows whether the signature is true.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except _BROKEN as exc:
            raise NotVerified(str(exc)) from exc
        return Assertion(verified.new_sign_count, verified.credential_backed_up)


def _refuse_embedded(client_data_json: str) -> None:
    # We are never shown within a foreign page; the library does not look.
    if parse_client_data_json(base64url_to_bytes(client_data_json)).cross_origin:
        raise NotVerified("the request was made within a page of another origin")


def _refuse_attestation(attestation_object: str) -> None:
    # Before a certificate, or anything of the other formats, is parsed at all.
    parsed = parse_attestation_object(base64url_to_bytes(attestation_object))
    if parsed.fmt not in _FORMATS or parsed.att_stmt.x5c:
        raise NotVerified("attestation was not asked for")


def _describe(credential: Credential) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(each) for each in credential.transports]
    return PublicKeyCredentialDescriptor(id=credential.credential_id, transports=transports)
