"""An OpenID Connect provider that does as it is told: `python -m tests.lying_provider PORT`.

`PUT /<tenant>/behaviour` says how; each tenant is an issuer of its own with the same keys.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HUGE_BYTES = 5_000_000
DRIP_S = 0.2


def make_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


def to_jwk(key: RSAPrivateKey, key_id: str) -> dict[str, Any]:
    return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": key_id, "use": "sig"}


class Tenant:
    """What one issuer was told, has given out, and was asked for."""

    def __init__(self) -> None:
        self.behaviour: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.counts: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    keys: ClassVar[dict[str, RSAPrivateKey]] = {
        "first": make_key(),
        "second": make_key(),
        "foreign": make_key(),
    }
    tenants: ClassVar[dict[str, Tenant]] = defaultdict(Tenant)

    def log_message(self, *_args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        _, name, path = parts.path.split("/", 2)
        tenant = self.tenants[name]
        self.issuer = f"http://{self.headers['Host']}/{name}"
        given = {key: values[0] for key, values in parse_qs(parts.query or body.decode()).items()}
        match path:
            case "behaviour":
                tenant.behaviour = json.loads(body)
                self._send(200, {})
            case "counts":
                self._send(200, dict(tenant.counts))
            case "authorize":
                self._authorize(tenant, given)
            case _:
                endpoint = path.rpartition("/")[2].partition("-")[0]
                tenant.counts[endpoint] += 1
                self._serve(tenant, endpoint, given)

    def _authorize(self, tenant: Tenant, given: dict[str, str]) -> None:
        code = secrets.token_urlsafe(8)
        tenant.codes[code] = given
        back = {"code": code, "state": given["state"], "iss": self.issuer}
        self.send_response(302)
        self.send_header("Location", f"{given['redirect_uri']}?{urlencode(back)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, tenant: Tenant, endpoint: str, given: dict[str, str]) -> None:
        how = tenant.behaviour.get(endpoint)
        if isinstance(how, str):
            getattr(self, f"_{how}")()
            return
        match endpoint:
            case "openid":
                self._send(200, self._metadata() | (how or {}))
            case "jwks":
                shown = tenant.behaviour.get("shown_keys", ["first"])
                self._send(200, {"keys": [to_jwk(self.keys[each], each) for each in shown]})
            case "userinfo":
                self._send(200, how or {"sub": "ada"})
            case "token":
                self._trade(tenant, given)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": True,
        }

    def _trade(self, tenant: Tenant, given: dict[str, str]) -> None:
        """A code is good once, for who can show the verifier of its challenge and the same address."""
        asked = tenant.codes.pop(given["code"], None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or (asked.get("code_challenge"), asked.get("code_challenge_method")) != (challenge, "S256")
            or asked["redirect_uri"] != given["redirect_uri"]
        ):
            self._send(400, {"error": "invalid_grant"})
            return
        answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300}
        self._send(200, answer | {"id_token": self._sign(tenant.behaviour, asked)})

    def _sign(self, behaviour: dict[str, Any], asked: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer, "sub": "ada", "aud": asked["client_id"], "nonce": asked["nonce"],
            "iat": now, "exp": now + 300, "email": "ada@corp.example", "email_verified": True, "name": "Ada",
        }  # fmt: skip
        claims |= behaviour.get("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        key_id = behaviour.get("kid", "first")
        key = self.keys[behaviour.get("signed_by", "first")]
        match behaviour.get("algorithm", "RS256"):
            case "none":
                return jwt.encode(claims, None, algorithm="none", headers={"kid": key_id})
            case "HS256":
                # As a library would that takes the published key for a shared one; PyJWT refuses to help.
                public = self.keys["first"].public_key()
                pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                signed = ".".join(map(encode, ({"alg": "HS256", "typ": "JWT", "kid": key_id}, claims)))
                mac = hmac.digest(pem, signed.encode(), hashlib.sha256)
                return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
            case algorithm:
                return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id})

    def _send(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fails(self) -> None:
        self._send(500, {"error": "server_error"})

    def _redirects(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"{self.issuer}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _floods(self) -> None:
        """A good answer, with more behind it than anybody should read."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(HUGE_BYTES))
        self.end_headers()
        try:
            self.wfile.write(json.dumps(self._metadata()).encode().ljust(HUGE_BYTES))
        except OSError:
            self.close_connection = True

    def _packs(self) -> None:
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"\x1f\x8b\x08\x00")

    def _drips(self) -> None:
        """Never silent for long, and never done."""
        self.send_response(200)
        self.send_header("Content-Length", str(HUGE_BYTES))
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" ")
                time.sleep(DRIP_S)
        except OSError:
            self.close_connection = True


def encode(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128  # with the usual 5, many at once wait for a second SYN
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
