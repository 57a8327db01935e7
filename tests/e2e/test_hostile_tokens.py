"""Forged access tokens at every door: the HTTP header, the handshake (both ways), and `auth.reauth`.

Where it matters they are signed with the system's own key, so that only what they say can refuse them.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services.auth.keys import Sealer
from services.auth.settings import AuthSettings
from services.auth.store.keys import SealedKey
from shared.ids import new_id
from shared.tokens import public_jwk
from tests.stack import Stack
from tests.wire import Person, Refused


class Forger(NamedTuple):
    """What an attacker could wish for: the true key, and a true token to start from."""

    key: Ed25519PrivateKey
    header: dict[str, Any]
    payload: dict[str, Any]

    def sign(self, header: dict[str, Any] | None = None, **payload: Any) -> str:
        return self.sign_with(self.key, header, **payload)

    def sign_with(self, key: Any, header: dict[str, Any] | None = None, **payload: Any) -> str:
        said = {name: value for name, value in (self.payload | payload).items() if value is not None}
        heads = {name: value for name, value in (self.header | (header or {})).items() if value is not None}
        return jwt.encode(said, key, algorithm="EdDSA", headers=heads)

    def by_hand(self, alg: str, mac_key: bytes = b"") -> str:
        parts = [json.dumps(self.header | {"alg": alg}), json.dumps(self.payload)]
        unsigned = ".".join(encode(part.encode()) for part in parts)
        return f"{unsigned}.{encode(hmac.digest(mac_key, unsigned.encode(), 'sha256')) if mac_key else ''}"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
async def forger(stack: Stack, anna: Person) -> Forger:
    header = jwt.get_unverified_header(anna.token)
    payload = jwt.decode(anna.token, options={"verify_signature": False})
    env = stack.find("auth").program.env
    secret = AuthSettings.model_construct(secret_key=SecretStr(env["CHATCRAFT_SECRET_KEY"])).secret
    connection = await asyncpg.connect(stack.endpoints.database_url)
    try:
        row = await connection.fetchrow("SELECT * FROM auth.keys WHERE id = $1", header["kid"])
    finally:
        await connection.close()
    sealed = SealedKey(row["id"], row["sealed"], row["valid_from"], row["valid_until"])
    return Forger(Sealer(secret).open(sealed), header, payload)


def foreign_key(forger: Forger, **header: Any) -> str:
    return forger.sign_with(Ed25519PrivateKey.generate(), header)


def own_jwk(forger: Forger) -> str:
    """Signed with a key that the token itself brings along."""
    key = Ed25519PrivateKey.generate()
    jwk = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return forger.sign_with(key, {"jwk": jwk, "kid": None})


def confused(forger: Forger) -> list[str]:
    """HS256, keyed with every form in which the public key may be had."""
    public = forger.key.public_key()
    forms = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes_raw(),
        public_jwk(forger.key, forger.header["kid"])["x"].encode(),
    ]
    return [forger.by_hand("HS256", form) for form in forms]


def altered(forger: Forger) -> list[str]:
    header, payload, signature = forger.sign().split(".")
    admin = encode(json.dumps(forger.payload | {"role": "admin"}).encode())
    return [
        f"{header}.{admin}.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}.",
    ]


NOW = time.time()
FORGERIES: dict[str, Callable[[Forger], str | list[str]]] = {
    "alg none": lambda each: [each.by_hand(alg) for alg in ("none", "None", "NONE", "")],
    "HS256 with the public key": confused,
    "a foreign key under our kid": foreign_key,
    "a foreign kid": lambda each: foreign_key(each, kid=new_id()),
    "a kid that is a path": lambda each: foreign_key(each, kid="../../../../dev/null"),
    "a kid that is SQL": lambda each: foreign_key(each, kid="' OR 1=1 --"),
    "jku": lambda each: foreign_key(each, jku="http://127.0.0.1:1/jwks"),
    "x5u": lambda each: foreign_key(each, x5u="http://127.0.0.1:1/cert"),
    "jwk in the header": own_jwk,
    "wrong audience": lambda each: [each.sign(aud=aud) for aud in ("other", ["other"], None)],
    "wrong issuer": lambda each: [each.sign(iss=iss) for iss in ("other", None)],
    "wrong type": lambda each: [each.sign({"typ": typ}) for typ in ("JWT", "rt+jwt", "at")],
    "not yet valid": lambda each: each.sign(nbf=NOW + 3_600),
    "without end": lambda each: each.sign(exp=None),
    "an end that is text": lambda each: each.sign(exp="tomorrow"),
    "an end beyond all numbers": lambda each: each.sign(exp=1e400),
    "a critical extension": lambda each: each.sign({"crit": ["exp"]}),
    "altered": altered,
    "no token": lambda _: ["x", "a.b.c", "..", "." * 1_000, "A" * 7_000],
}


async def find_accepting_doors(person: Person, token: str) -> list[tuple[str, Any]]:
    """Return the doors that did not answer `unauthenticated`, and what they did instead."""
    accepting: list[tuple[str, Any]] = []
    url = person.url.replace("http", "ws", 1) + "/ws"
    ways = [
        {"additional_headers": {"Authorization": f"Bearer {token}"}},
        {"subprotocols": ["chatcraft.v1", f"bearer.{token}"]},
    ]
    for way in ways:
        try:
            async with connect(url, **way):
                accepting.append(("socket", "let in"))
        except InvalidStatus as refused:
            if refused.response.status_code != 401:
                accepting.append(("socket", refused.response.status_code))
    response = await person.http.get(
        f"{person.url}/api/v1/users/me", headers={"Authorization": f"Bearer {token}"}
    )
    if (response.status_code, response.json().get("error", {}).get("code")) != (401, "unauthenticated"):
        accepting.append(("rest", response.text))
    async with person.socket(sync=False) as socket:
        try:
            accepting.append(("reauth", await socket.call("auth.reauth", {"access_token": token})))
        except Refused as refused:
            if refused.code not in {"unauthenticated", "invalid_input"}:
                accepting.append(("reauth", refused.error))
    return accepting


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_opens_no_door(anna: Person, forger: Forger, name: str):
    made = FORGERIES[name](forger)
    for token in [made] if isinstance(made, str) else made:
        assert await find_accepting_doors(anna, token) == [], token


async def test_an_expired_token_opens_no_door_and_says_why(anna: Person, forger: Forger):
    token = forger.sign(exp=int(NOW) - 60)
    for door, outcome in await find_accepting_doors(anna, token):
        assert door in {"rest", "reauth"}
        assert "token_expired" in str(outcome)


async def test_what_the_forger_signs_truly_is_let_in(anna: Person, forger: Forger):
    """Else the tests above would prove nothing."""
    doors = await find_accepting_doors(anna, forger.sign())
    assert [door for door, _ in doors] == ["socket", "socket", "rest", "reauth"]


async def test_a_token_counts_only_once_and_only_where_tokens_stand(anna: Person):
    for headers in (
        [("Authorization", f"Bearer {anna.token}"), ("Authorization", "Bearer x")],
        [("Authorization", f"Basic {anna.token}")],
        [("Authorization", anna.token)],
        [("Cookie", f"access_token={anna.token}; Authorization=Bearer {anna.token}")],
        [("X-Authorization", f"Bearer {anna.token}")],
    ):
        response = await anna.http.get(f"{anna.url}/api/v1/users/me", headers=headers)
        assert response.status_code == 401


async def test_the_identity_that_services_trust_cannot_be_brought_along(anna: Person, bert: Person):
    smuggled = {"C": f"{bert.id} {new_id()} admin 127.0.0.1", "traceparent": "00-0-0-01"}
    assert (await anna.rest("GET", "/users/me", headers=smuggled))["id"] == anna.id
