"""No answer of a browser, however made up, is taken for true or crashes what reads it."""

import os
import random
from base64 import urlsafe_b64encode
from typing import Any

import cbor2
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auth.relying_party import Assertion, NotVerified, RelyingParty
from services.auth.store.passkeys import Credential
from shared.contracts.entities import Me
from shared.contracts.passkeys import PasskeyAssertion, PasskeyAttestation
from shared.ids import new_id
from tests.authenticator import ORIGIN, Authenticator, to_raw, to_text

PARTY = RelyingParty("localhost", [ORIGIN])
CHALLENGE = bytes(range(32))
ADA = Me(new_id(), "ada", "Ada", "member", "", None, None, False, None, False, None, None)
EXAMPLES = settings(max_examples=300, deadline=None)
# What CBOR can hold and a careless reader trips over.
CBOR = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.binary(max_size=80)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-5, 5) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def create(authenticator: Authenticator) -> PasskeyAttestation:
    return authenticator.create(PARTY.ask_to_create(ADA, CHALLENGE, []))


def with_object(answer: PasskeyAttestation, attestation_object: bytes) -> PasskeyAttestation:
    response = msgspec.structs.replace(answer.response, attestation_object=to_text(attestation_object))
    return msgspec.structs.replace(answer, response=response)


def with_parts(answer: PasskeyAttestation, **parts: Any) -> PasskeyAttestation:
    opened = cbor2.loads(to_raw(answer.response.attestation_object))
    return with_object(answer, cbor2.dumps(opened | parts))


def judge(answer: PasskeyAttestation) -> bool:
    """Whether it is taken for true."""
    try:
        PARTY.verify_new(answer, CHALLENGE)
    except NotVerified:
        return False
    return True


def with_key(answer: PasskeyAttestation, key: Any) -> PasskeyAttestation:
    """Return the answer with another public key in it."""
    auth_data = cbor2.loads(to_raw(answer.response.attestation_object))["authData"]
    id_length = int.from_bytes(auth_data[53:55], "big")
    return with_parts(answer, authData=auth_data[: 55 + id_length] + cbor2.dumps(key))


def test_a_true_answer_is_taken():
    authenticator = Authenticator()
    made = PARTY.verify_new(create(authenticator), CHALLENGE)
    assert made.credential_id == authenticator.credential_id
    assert made.transports == ["internal"]
    credential = Credential(new_id(), ADA.id, made.credential_id, made.public_key, [])
    signed = authenticator.sign(PARTY.ask_to_sign(CHALLENGE, [credential]))
    assert PARTY.verify_signature(signed, CHALLENGE, credential) == Assertion(2, is_backed_up=False)
    with pytest.raises(NotVerified):
        PARTY.verify_signature(signed, os.urandom(32), credential)


@pytest.mark.parametrize(
    "fmt", ["tpm", "apple", "android-key", "android-safetynet", "fido-u2f", "x", 7, None, [], {}]
)
def test_attestation_that_nobody_asked_for_is_refused(fmt: Any):
    answer = create(Authenticator())
    assert judge(answer)
    assert not judge(with_parts(answer, fmt=fmt, attStmt={"x5c": [b"certificate"], "sig": b"x", "alg": -7}))


def test_a_certificate_is_not_even_read():
    answer = with_parts(
        create(Authenticator()), fmt="packed", attStmt={"x5c": [b"x"], "sig": b"x", "alg": -7}
    )
    assert not judge(answer)


@pytest.mark.parametrize(
    "key",
    [
        {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)},
        {1: 2, 3: -7, -1: 99, -2: b"x", -3: b"y"},
        {1: 2, 3: -7},
        {1: 3, 3: -257, -1: b"\xff" * 1_100, -2: b"\x01\x00\x01"},
        {1: 3, 3: -257, -1: b"", -2: b""},
        {1: 1, 3: -8, -1: 6, -2: b"short"},
        {1: 9, 3: 9},
        {},
        [],
        "key",
        None,
    ],
    ids=str,
)
def test_a_key_that_cannot_verify_is_refused(key: Any):
    assert not judge(with_key(create(Authenticator()), key))


def test_the_id_is_that_of_the_credential():
    answer = create(Authenticator())
    other = to_text(os.urandom(32))
    assert not judge(msgspec.structs.replace(answer, id=other, raw_id=other))
    assert not judge(msgspec.structs.replace(answer, id=other))


@pytest.mark.parametrize(
    "client_data",
    [
        b"", b"[]", b"7", b"{", b"null", b"{}", b"\xff", b'{"type":"webauthn.create"}', b"[" * 6_000,
        b'{"type":"webauthn.create","challenge":7,"origin":"http://localhost:8080"}',
        b'{"type":"webauthn.create","challenge":"\\ud800","origin":"\\ud800"}',
        b'{"type":{},"challenge":"","origin":[]}',
        b'{"type":"webauthn.create","challenge":"","origin":"x","tokenBinding":{"status":[]}}',
    ],
)  # fmt: skip
def test_client_data_of_any_kind_is_refused(client_data: bytes):
    authenticator = Authenticator()
    answer = create(authenticator)
    response = msgspec.structs.replace(
        answer.response, client_data_json=urlsafe_b64encode(client_data).decode()
    )
    assert not judge(msgspec.structs.replace(answer, response=response))


@EXAMPLES
@given(st.binary(max_size=300))
def test_random_bytes_are_no_attestation(raw: bytes):
    assert not judge(with_object(create(Authenticator()), raw))


@EXAMPLES
@given(fmt=CBOR, statement=CBOR, auth_data=CBOR)
def test_cbor_of_any_shape_is_no_attestation(fmt: Any, statement: Any, auth_data: Any):
    answer = create(Authenticator())
    assert not judge(
        with_object(answer, cbor2.dumps({"fmt": fmt, "attStmt": statement, "authData": auth_data}))
    )
    assert not judge(with_object(answer, cbor2.dumps(statement)))
    judge(with_parts(answer, fmt="packed", attStmt=statement))
    assert not judge(with_parts(answer, authData=auth_data))


@EXAMPLES
@given(key=CBOR)
def test_keys_of_any_shape_are_refused(key: Any):
    assert not judge(with_key(create(Authenticator()), key))


@EXAMPLES
@given(seed=st.integers(0, 2**32))
def test_a_flipped_bit_anywhere_in_a_signature_is_refused(seed: int):
    chance = random.Random(seed)
    authenticator = Authenticator()
    made = PARTY.verify_new(create(authenticator), CHALLENGE)
    credential = Credential(new_id(), ADA.id, made.credential_id, made.public_key, [])
    signed = authenticator.sign(PARTY.ask_to_sign(CHALLENGE, []))
    name = chance.choice(["client_data_json", "authenticator_data", "signature"])
    raw = bytearray(to_raw(getattr(signed.response, name)))
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    response = msgspec.structs.replace(signed.response, **{name: to_text(bytes(raw))})
    with pytest.raises(NotVerified):
        PARTY.verify_signature(msgspec.structs.replace(signed, response=response), CHALLENGE, credential)


@EXAMPLES
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=64))
def test_random_bytes_are_no_signature(client_data: bytes, auth_data: bytes, signature: bytes, handle: bytes):
    made = PARTY.verify_new(create(Authenticator()), CHALLENGE)
    answer = {
        "id": to_text(made.credential_id),
        "rawId": to_text(made.credential_id),
        "type": "public-key",
        "response": {
            "clientDataJSON": to_text(client_data) or "A",
            "authenticatorData": to_text(auth_data) or "A",
            "signature": to_text(signature) or "A",
            "userHandle": to_text(handle) or None,
        },
    }
    credential = Credential(new_id(), ADA.id, made.credential_id, made.public_key, [])
    with pytest.raises(NotVerified):
        PARTY.verify_signature(msgspec.convert(answer, PasskeyAssertion), CHALLENGE, credential)


def test_self_attestation_is_taken_and_a_false_one_is_not():
    authenticator = Authenticator()
    answer = create(authenticator)
    import hashlib

    from cryptography.hazmat.primitives import hashes

    auth_data = cbor2.loads(to_raw(answer.response.attestation_object))["authData"]
    signed = auth_data + hashlib.sha256(to_raw(answer.response.client_data_json)).digest()
    true = authenticator.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    assert judge(with_parts(answer, fmt="packed", attStmt={"alg": -7, "sig": true}))
    assert not judge(with_parts(answer, fmt="packed", attStmt={"alg": -7, "sig": true[:-1] + b"\x00"}))
