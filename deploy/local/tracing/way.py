"""Puts together the way of a message and words it: accepted, committed, published, fanned out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import asyncpg
import nats.errors
from asyncpg.exceptions import InterfaceError, PostgresError

from deploy.local.doctor import bus
from deploy.local.doctor.targets import Targets
from deploy.local.errors import StartError
from deploy.local.tracing.published import Published, ask_gateways, find_published
from deploy.local.tracing.stored import Stored, Waiting, find_stored, find_waiting
from shared.clock import to_wire
from shared.contracts.internal import Delivery

_connect: Callable[..., Awaitable[Any]] = asyncpg.connect
_TIMEOUT_S = 5


@dataclass(frozen=True)
class Step:
    """One station; `at` is None where nobody keeps the time, `clock` is whose time it is."""

    name: str
    at: str | None
    clock: str
    text: str


@dataclass(frozen=True)
class Way:
    """The way of one message in one room."""

    message_id: str
    room_id: str
    seq: int
    steps: list[Step]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def trace(targets: Targets, message_id: str, room_id: str | None) -> list[Way]:
    """Return the way of the message in each room that has it. Raises StartError where a server is away."""
    if targets.database is None or targets.nats is None:
        raise StartError(
            "nothing runs here; set CHATCRAFT_DATABASE_URL and CHATCRAFT_NATS_URL, or use --data-dir"
        )
    try:
        connection = await _connect(targets.database, timeout=_TIMEOUT_S, command_timeout=60)
        try:
            found = await find_stored(connection, message_id, room_id)
            waiting = await find_waiting(connection, message_id)
        finally:
            connection.terminate()
    except (OSError, TimeoutError, PostgresError, InterfaceError) as exc:
        raise StartError(f"the database does not answer: {exc}; `chatcraft doctor` looks closer") from None
    try:
        client = await bus.connect(targets.nats)
        try:
            return [await _follow(client, message_id, stored, waiting) for stored in found]
        finally:
            await client.close()
    except (OSError, TimeoutError, nats.errors.Error) as exc:
        reason = str(exc) or type(exc).__name__
        raise StartError(
            f"NATS does not answer ({reason}); it has to be asked as the user `messages`. "
            "`chatcraft doctor` looks closer"
        ) from None


async def _follow(client: bus.Asker, message_id: str, stored: Stored, waiting: Waiting | None) -> Way:
    published = await find_published(client, stored.room_id, message_id, stored.created_at)
    rev, epoch = (published.rev, published.epoch) if published else (stored.rev, stored.epoch)
    deliveries = await ask_gateways(client, stored.room_id, epoch, rev)
    steps = [_accepted(stored), _committed(stored, published), _published(published, waiting)]
    fanned_out = [*map(_fanned_out, deliveries)] or [_unanswered(client)]
    return Way(message_id, stored.room_id, stored.seq, [*steps, *fanned_out])


def _accepted(stored: Stored) -> Step:
    place = "in its thread" if stored.is_reply else "in the main timeline"
    changes = [("edited", stored.edited_at), ("deleted", stored.deleted_at)]
    since = "".join(f"; {word} {to_wire(at)}" for word, at in changes if at)
    return _step("accepted", stored.created_at, "database", f"seq {stored.seq} {place}{since}")


def _committed(stored: Stored, published: Published | None) -> Step:
    text = (
        "stored"
        if published is None or published.rev == stored.rev
        else f"changed since, up to rev {stored.rev}"
    )
    if stored.committed_at is None:
        return Step("committed", None, "database", f"{text}; no times kept: track_commit_timestamp is off")
    is_first = published is not None and published.rev == stored.rev
    return _step(
        "committed", stored.committed_at, "database", text if is_first else f"{text}; its newest change"
    )


def _published(published: Published | None, waiting: Waiting | None) -> Step:
    if published is not None:
        text = f"rev {published.rev} of epoch {published.epoch}, event {published.sequence:,} of the feed"
        return _step("published", published.at, "nats", text)
    if waiting is not None:
        text = f"not yet: waits in the outbox for {waiting.age_s:.1f} s, tried {waiting.attempts + 1} times"
        return Step("published", None, "nats", text)
    return Step("published", None, "nats", "the feed has it no longer, or it was imported and never had it")


def _fanned_out(delivery: Delivery) -> Step:
    texts = {
        "no_listener": "nobody there listens to the room",
        "not_yet": "has not arrived; the node compares its positions every 15 s",
        "passed": "the node stands behind it and remembers no more of it",
        "written": "delivered; when, is no longer remembered",
    }
    text = texts[delivery.state]
    if delivery.written_at is not None:
        text = f"written to {delivery.written_to} connections, {delivery.together} events at once"
    node = f"gateway {delivery.node_id}: {text}; {delivery.listeners} listen now"
    return Step("fanned out", delivery.written_at, "gateway", node)


def _unanswered(client: bus.Asker) -> Step:
    text = "no gateway answers"
    if client.refusals:
        text = "NATS does not let this user ask the gateways: update its permissions from deploy/nats"
    return Step("fanned out", None, "gateway", text)


def _step(name: str, at: datetime, clock: str, text: str) -> Step:
    return Step(name, to_wire(at), clock, text)


def describe(ways: Sequence[Way]) -> list[str]:
    """Return the lines for a person."""
    lines = []
    for way in ways:
        lines.append(f"message {way.message_id} in room {way.room_id}")
        lines += [f"  {step.name:<10}  {step.at or '':<24}  {step.text}" for step in way.steps]
    return lines
