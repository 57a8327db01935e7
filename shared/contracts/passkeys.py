"""What browsers make of a passkey: `PublicKeyCredential.toJSON()`, as far as it is read here. Pure.

Browsers add fields as they please: those are ignored, unlike anywhere else in a request.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from shared.contracts.fields import CredentialId, PasskeyBytes, Transport, UserHandle

TRANSPORTS_MAX = 16


class AttestationResponse(Struct, frozen=True):
    client_data_json: PasskeyBytes = field(name="clientDataJSON")
    attestation_object: PasskeyBytes = field(name="attestationObject")
    transports: Annotated[list[Transport], Meta(max_length=TRANSPORTS_MAX)] = field(default_factory=list)


class PasskeyAttestation(Struct, frozen=True):
    """Of `navigator.credentials.create`: a new passkey. All bytes in base64url."""

    id: CredentialId
    raw_id: CredentialId = field(name="rawId")
    type: Literal["public-key"]
    response: AttestationResponse


class AssertionResponse(Struct, frozen=True):
    client_data_json: PasskeyBytes = field(name="clientDataJSON")
    authenticator_data: PasskeyBytes = field(name="authenticatorData")
    signature: PasskeyBytes
    user_handle: UserHandle | None = field(name="userHandle", default=None)


class PasskeyAssertion(Struct, frozen=True):
    """Of `navigator.credentials.get`: a signature by a passkey. All bytes in base64url."""

    id: CredentialId
    raw_id: CredentialId = field(name="rawId")
    type: Literal["public-key"]
    response: AssertionResponse


class PasskeyChallenge(Struct, frozen=True):
    """`options` is for `PublicKeyCredential.parse…OptionsFromJSON`. Good for five minutes and one try."""

    challenge_id: str
    options: dict[str, Any]
