"""NATS: does it answer, is the feed there and does it keep up, who serves, and in which versions."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.local.doctor.clocks import judge_clock
from deploy.local.doctor.finding import Finding, fail, judge, ok, warn
from deploy.local.doctor.latency import measure
from shared.contracts.feed import STREAM
from shared.credentials import find_credentials

_TIMEOUT_S = 5
# Whoever serves answers within milliseconds; a replica that is busy may need longer.
_GATHER_S = 2.0
_SLOW_S = (0.02, 2.0)
_BEHIND_EVENTS = (10_000, 1_000_000)
SERVICES = ("auth", "gateway", "messages", "presence")
_ADVICE_USER = "give the URL of the bus's user `messages` as CHATCRAFT_NATS_URL: no other may ask for this"


class Asker(Client):
    """A connection that notes what it was not permitted to ask."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[str] = []

    async def note_refusal(self, exc: Exception) -> None:
        self.refusals.append(str(exc))


async def connect(url: str) -> Asker:
    """Connect once; raises OSError, TimeoutError or nats.errors.Error where nobody answers."""
    servers = [each.strip() for each in url.split(",")]
    user, password = find_credentials(servers)
    client = Asker()
    async with asyncio.timeout(_TIMEOUT_S):
        await client.connect(
            servers, name="doctor", user=user, password=password, allow_reconnect=False,
            max_reconnect_attempts=1, connect_timeout=_TIMEOUT_S, error_cb=client.note_refusal,
        )  # fmt: skip
    return client


async def ask_all(client: Asker, subject: str, question: bytes = b"") -> list[bytes]:
    """Ask everybody who listens, and return what came within two seconds."""
    answers: list[bytes] = []

    async def on_answer(message: Msg) -> None:
        if message.data:
            answers.append(message.data)

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=on_answer)
    await client.publish(subject, question, reply=inbox)
    await client.flush(_TIMEOUT_S)
    await asyncio.sleep(_GATHER_S)
    await subscription.unsubscribe()
    return answers


async def examine_bus(url: str) -> list[Finding]:
    """Look at the NATS of that URL."""
    try:
        client = await connect(url)
    except (OSError, TimeoutError, ValueError, nats.errors.Error) as exc:
        reason = (str(exc) or type(exc).__name__).partition("\n")[0]
        advice = "start NATS, or correct CHATCRAFT_NATS_URL"
        return [fail("nats", f"does not answer: {reason[:200]}", advice)]
    try:
        latency_s = await measure(lambda: client.flush(_TIMEOUT_S))
        version = client.connected_server_version
        text = (
            f"answers in {latency_s * 1000:.1f} ms, version {version.major}.{version.minor}.{version.patch}"
        )
        findings = [judge("nats", latency_s, _SLOW_S, text, "look for load on NATS: `nats server report`")]
        findings += await _examine_feed(client)
        infos = await ask_all(client, "$SRV.INFO")
        if client.refusals:
            return [*findings, warn("services", "NATS does not let this user ask for them", _ADVICE_USER)]
        return [*findings, *judge_replicas([json.loads(each) for each in infos])]
    except (OSError, nats.errors.Error) as exc:
        return [fail("nats", f"went away meanwhile: {exc}", "look into the log of NATS")]
    finally:
        await client.close()


async def _examine_feed(client: Asker) -> list[Finding]:
    asked_at = datetime.now(UTC)
    try:
        info = await _ask_json(client, f"$JS.API.STREAM.INFO.{STREAM}")
    except nats.errors.NoRespondersError:
        advice = "switch JetStream on in NATS (`jetstream { … }`); chat goes on, the feed is filled later"
        return [fail("feed", "JetStream is off, or does not answer", advice)]
    except nats.errors.TimeoutError:
        return [warn("feed", "NATS does not tell of it", _ADVICE_USER)]
    answered_at = datetime.now(UTC)
    if "error" in info:
        said = info["error"].get("description", "an error")
        advice = "the messages service makes it: look there for `feed_not_ready`"
        return [fail("feed", f"stream {STREAM}: {said}", advice)]
    theirs = read_time(info["ts"])
    consumers = await _ask_json(client, f"$JS.API.CONSUMER.LIST.{STREAM}")
    return [
        judge_clock("nats", theirs, asked_at, answered_at),
        judge_stream(info),
        *judge_consumers(consumers.get("consumers") or []),
    ]


def judge_stream(info: dict[str, Any]) -> Finding:
    """Say whether the feed has all the replicas it should have."""
    state, wanted = info["state"], info["config"].get("num_replicas", 1)
    text = f"{state['messages']:,} events, {state['bytes'] / 2**20:,.1f} MiB"
    cluster = info.get("cluster") or {}
    late = [
        each["name"] for each in cluster.get("replicas") or [] if each.get("offline") or not each["current"]
    ]
    if wanted > 1 and not cluster.get("leader"):
        return fail("feed", f"{text}; it has no leader", "bring enough of the NATS servers back")
    if late:
        return warn("feed", f"{text}; not up to date: {', '.join(late)}", "look at those NATS servers")
    return ok("feed", text)


def judge_consumers(consumers: Sequence[dict[str, Any]]) -> list[Finding]:
    """Say which services of one's own are behind in the feed."""
    return [
        judge(
            f"feed reader {each['name']}", each["num_pending"], _BEHIND_EVENTS,
            f"{each['num_pending']:,} events to read, {each['num_ack_pending']:,} not acknowledged",
            "start that service, or more of it; one that is gone for good: delete its consumer",
        )
        for each in consumers
        if each["config"].get("durable_name")
    ]  # fmt: skip


def judge_replicas(infos: Sequence[dict[str, Any]]) -> list[Finding]:
    """Say which services answer on the bus, how many of each, and whether all have this program's version."""
    mine = metadata.version("chatcraft")
    versions_by_service: dict[str, list[str]] = defaultdict(list)
    for each in infos:
        versions_by_service[each["name"]].append(each.get("metadata", {}).get("version", "unknown"))
    findings = []
    for service in SERVICES:
        versions = versions_by_service[service]
        if not versions:
            advice = f"start one: `python -m services.{service}`; if one runs, look into its log"
            findings.append(fail(service, "none answers on the bus", advice))
            continue
        counted = ", ".join(f"{versions.count(each)} of version {each}" for each in sorted(set(versions)))
        if set(versions) == {mine}:
            findings.append(ok(service, counted))
        else:
            advice = f"finish rolling out; this program is {mine}"
            findings.append(warn(service, counted, advice))
    return findings


def read_time(text: str) -> datetime:
    """Read a time of NATS: Python knows no nanoseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6] or 0:0<6}Z")


async def _ask_json(client: Asker, subject: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await client.request(subject, b"", timeout=_TIMEOUT_S)).data)
    return answer
