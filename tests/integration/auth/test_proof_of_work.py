"""Registering where it costs a proof of work: with one, once, in time, and for nobody else's bits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.auth.registration.proof_of_work import LIFE, WorkGate
from shared.bus import Bus
from shared.contracts import registration
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.proof_of_work import ProofOfWork, WorkChallenge
from shared.errors import ChatError
from shared.proof_of_work import is_solution, solve
from tests.integration.auth.client import Client as Gateway
from tests.integration.auth.client import code_of
from tests.integration.auth.service import run_auth

BITS = 8
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET, OTHER = b"s" * 32, b"o" * 32


@pytest.fixture(scope="module")
async def guarded(database_url: str, nats_url: Callable[[str], str], bus: Bus) -> AsyncIterator[Gateway]:
    """A service that wants a proof of work."""
    async with run_auth(database_url, nats_url("auth"), auth_proof_of_work_bits=BITS):
        yield Gateway(bus)


async def ask_for_challenge(client: Gateway) -> WorkChallenge:
    asked = (await client.ask(registration.get_policy, Empty())).proof_of_work
    assert asked is not None
    assert asked.bits == BITS
    return asked


def prove(asked: WorkChallenge) -> ProofOfWork:
    return ProofOfWork(asked.challenge, solve(asked.challenge, asked.bits))


async def refusal_of(work: Any) -> ChatError:
    with pytest.raises(ChatError) as refused:
        await work
    assert refused.value.code is ErrorCode.FORBIDDEN
    assert refused.value.body.details["reason"] == "proof_of_work"
    return refused.value


async def test_without_a_proof_nobody_registers_and_the_refusal_brings_a_challenge(guarded: Gateway):
    refused = await refusal_of(guarded.register())
    asked = WorkChallenge(refused.body.details["challenge"], refused.body.details["bits"])
    assert await guarded.register(proof_of_work=prove(asked))


async def test_a_proof_is_good_for_one_account_of_50_at_once(guarded: Gateway):
    proof = prove(await ask_for_challenge(guarded))
    codes = await asyncio.gather(*(code_of(guarded.register(proof_of_work=proof)) for _ in range(50)))
    assert codes.count(None) == 1
    assert codes.count(ErrorCode.FORBIDDEN) == 49
    await refusal_of(guarded.register(proof_of_work=proof))


async def test_a_name_that_is_taken_does_not_use_a_proof_up(guarded: Gateway):
    taken = (await guarded.register(proof_of_work=prove(await ask_for_challenge(guarded)))).user.username
    proof = prove(await ask_for_challenge(guarded))
    assert await code_of(guarded.register(username=taken, proof_of_work=proof)) is ErrorCode.CONFLICT
    assert await guarded.register(proof_of_work=proof)


async def test_what_is_not_solved_and_what_nobody_gave_out_is_refused(guarded: Gateway):
    asked = await ask_for_challenge(guarded)
    unsolved = next(each for each in map(str, range(100)) if not is_solution(asked.challenge, each, BITS))
    made_up = "99999999999.invented.signature"
    for proof in (
        ProofOfWork(asked.challenge, unsolved),
        ProofOfWork(made_up, solve(made_up, BITS)),
        ProofOfWork("no-dots", solve("no-dots", BITS)),
    ):
        await refusal_of(guarded.register(proof_of_work=proof))


def test_a_challenge_is_good_for_ten_minutes():
    gate = WorkGate(BITS, SECRET)
    proof = prove(gate.challenge(NOW))
    assert gate.check(proof, NOW + LIFE - timedelta(seconds=1))
    with pytest.raises(ChatError):
        gate.check(proof, NOW + LIFE)


def test_a_challenge_of_an_easier_time_or_of_another_deployment_counts_for_nothing():
    easy = WorkGate(1, SECRET).challenge(NOW)
    hard = WorkGate(BITS, SECRET)
    for challenge in (easy.challenge, WorkGate(BITS, OTHER).challenge(NOW).challenge):
        with pytest.raises(ChatError):
            hard.check(prove(WorkChallenge(challenge, BITS)), NOW)


def test_a_challenge_outlives_a_change_of_the_secret():
    proof = prove(WorkGate(BITS, SECRET).challenge(NOW))
    assert WorkGate(BITS, OTHER, [SECRET]).check(proof, NOW)
