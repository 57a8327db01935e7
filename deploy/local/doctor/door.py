"""The way in, through whatever proxies stand before the gateways: certificate, REST, WebSocket.

Signs in nobody and sends no secret, so it also looks behind a certificate that is not good.
"""

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2
from cryptography import x509

from deploy.local.doctor.clocks import judge_clock
from deploy.local.doctor.finding import Finding, fail, ok, warn

_TIMEOUT_S = 5
_SOON_DAYS = 14
_UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "Y2hhdGNyYWZ0IGRvY3Rvcg==",
}
_UNAUTHENTICATED, _UPGRADE_REQUIRED, _FULL = 401, 426, 503


async def examine_door(url: str) -> list[Finding]:
    """Look at the address that people open."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return [fail("address", f"{url} is no address", "give --url as in https://chat.example.org")]
    findings = await examine_certificate(parts.hostname, parts.port or 443) if parts.scheme == "https" else []
    base = f"{parts.scheme}://{parts.netloc}"
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S, verify=_trust_all(), trust_env=False) as http:
        try:
            findings += await _examine_rest(http, base)
            findings.append(judge_handshake(await http.get(f"{base}/ws", headers=_UPGRADE)))
        except httpx2.HTTPError as exc:
            reason = str(exc) or type(exc).__name__
            advice = "start a gateway and the proxy before it, or correct --url"
            findings.append(fail("address", f"{base} does not answer: {reason[:200]}", advice))
    return findings


async def examine_certificate(host: str, port: int) -> list[Finding]:
    """Say whether browsers take the certificate, and until when."""
    try:
        der = await _fetch_certificate(host, port)
    except (OSError, TimeoutError) as exc:
        advice = "let the proxy listen there with TLS, or correct --url"
        return [fail("certificate", f"{host}:{port} speaks no TLS: {exc or type(exc).__name__}", advice)]
    ends_at = x509.load_der_x509_certificate(der).not_valid_after_utc
    left = ends_at - datetime.now(UTC)
    advice = "renew it; and see why that did not happen by itself"
    if left.total_seconds() <= 0:
        return [fail("certificate", f"expired on {ends_at:%Y-%m-%d %H:%M} UTC", advice)]
    problem = await _find_problem(host, port)
    if problem is not None:
        advice = "get one for this name from an authority that browsers know, and send the whole chain"
        return [fail("certificate", f"browsers refuse it: {problem}", advice)]
    text = f"is good until {ends_at:%Y-%m-%d}"
    if left.days < _SOON_DAYS:
        return [warn("certificate", f"{text}, {left.days} days", advice)]
    return [ok("certificate", text)]


async def _examine_rest(http: httpx2.AsyncClient, base: str) -> list[Finding]:
    asked_at = datetime.now(UTC)
    answer = await http.get(f"{base}/api/v1/auth/policy")
    answered_at = datetime.now(UTC)
    findings = [judge_rest(answer)]
    with suppress(KeyError, ValueError):
        theirs = parsedate_to_datetime(answer.headers["date"])
        findings.append(judge_clock("gateway", theirs, asked_at, answered_at, coarse_s=1.0))
    return findings


def judge_rest(answer: httpx2.Response) -> Finding:
    """Say whether a public question came through to the auth service."""
    if answer.is_success and answer.headers.get("content-type", "").startswith("application/json"):
        return ok("rest", f"answers in {answer.elapsed.total_seconds() * 1000:.0f} ms")
    advice = "see `auth`, `gateway` and `nats`; if these are well, the proxy does not pass /api/v1 on"
    return fail("rest", f"/api/v1 answers {answer.status_code}", advice)


def judge_handshake(answer: httpx2.Response) -> Finding:
    """Say whether the handshake came through: without a token a gateway refuses it in its own words."""
    if answer.status_code == _UNAUTHENTICATED and b'"unauthenticated"' in answer.content:
        return ok("websocket", "handshakes reach a gateway")
    if answer.status_code == _UPGRADE_REQUIRED:
        advice = "let the proxy speak HTTP/1.1 to the gateways and pass the headers Upgrade and Connection on"
        return fail("websocket", "the proxy takes the upgrade out of handshakes", advice)
    if answer.status_code == _FULL and b'"unavailable"' in answer.content:
        return warn("websocket", "the gateway takes no more connections", "start more gateways")
    advice = "let the proxy pass /ws on to the gateways, as it is"
    return fail("websocket", f"a handshake is answered with {answer.status_code}, not by a gateway", advice)


async def _fetch_certificate(host: str, port: int) -> bytes:
    async with asyncio.timeout(_TIMEOUT_S):
        _, writer = await asyncio.open_connection(host, port, ssl=_trust_all(), server_hostname=host)
        try:
            der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.close()
    return der


async def _find_problem(host: str, port: int) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
            writer.close()
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_message
    except (OSError, TimeoutError) as exc:
        return str(exc) or type(exc).__name__
    return None


def _trust_all() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
