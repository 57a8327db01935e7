"""Passwords: hashing in a bounded pool, and what is refused."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from threading import Event

import pytest

from services.auth import passwords as module
from services.auth.passwords import Passwords, load_common_passwords, refuse_weak
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError


@pytest.fixture(scope="module")
def passwords() -> Iterator[Passwords]:
    made = Passwords(threads=1)
    yield made
    made.close()


async def test_a_hash_matches_its_password_only(passwords: Passwords):
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(hashed, "correct horse")
    assert not await passwords.verify(hashed, "correct horse ")
    assert await passwords.hash("correct horse") != hashed


async def test_nothing_matches_where_there_is_no_hash_or_a_broken_one(passwords: Passwords):
    assert not await passwords.verify(None, "anything")
    assert not await passwords.verify("not a hash", "anything")


async def test_without_an_account_the_same_work_is_done(
    monkeypatch: pytest.MonkeyPatch, passwords: Passwords
):
    verified: list[str] = []
    matches = passwords._matches
    monkeypatch.setattr(
        passwords, "_matches", lambda wanted, given: verified.append(wanted) or matches(wanted, given)
    )
    await passwords.verify(None, "anything")
    hashed = await passwords.hash("something")
    await passwords.verify(hashed, "anything")
    parameters = [each.rsplit("$", 2)[0] for each in verified]
    assert len(parameters) == 2
    assert parameters[0] == parameters[1]


async def test_who_comes_when_too_many_wait_is_told_so():
    full = Passwords(threads=1, waiting_max=2)
    gate = Event()
    waiting = [asyncio.ensure_future(full._run(lambda: gate.wait(30))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(ChatError) as refused:
        await full.hash("one too many")
    assert refused.value.code is ErrorCode.RATE_LIMITED
    assert refused.value.body.retry_after_ms
    gate.set()
    assert await asyncio.gather(*waiting) == [True, True]
    assert await full.verify(await full.hash("later"), "later")
    full.close()


def test_a_place_is_held_for_the_whole_attempt_and_given_back_whatever_comes_of_it():
    full = Passwords(threads=1, waiting_max=2)
    with full.admit(), full.admit(), pytest.raises(ChatError) as refused, full.admit():
        pytest.fail("a third place")
    assert refused.value.code is ErrorCode.RATE_LIMITED
    assert refused.value.body.retry_after_ms
    with pytest.raises(KeyError), full.admit():
        raise KeyError
    with full.admit(), full.admit():
        full.close()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own elsewhere")
async def test_hashing_gives_way_to_everything_else(passwords: Passwords):
    def measure() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await passwords._run(measure) > measure()


def test_the_shipped_list_is_real():
    common = load_common_passwords()
    assert len(common) > 10_000
    assert all(len(each) >= 8 and each == each.casefold() for each in common)
    assert {"password1", "12345678", "qwertyuiop", "iloveyou1"} <= common


@pytest.mark.parametrize("password", ["password1", "PassWord1", "somebody.new", "Somebody.NEW"])
def test_a_common_password_and_the_user_name_are_refused(password: str):
    with pytest.raises(ChatError) as refused:
        refuse_weak(password, "somebody.new")
    assert refused.value.code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize(
    "password", ["chatcraft", "ChatCraft2026!", "..chat-craft..", "12somebody_new34", "SomebodyNew"]
)
def test_a_word_of_this_context_is_refused_with_anything_around_it(password: str):
    with pytest.raises(ChatError) as refused:
        refuse_weak(password, "somebody.new")
    assert refused.value.code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize("username", ["somebody.new", "123", "---"])
@pytest.mark.parametrize("password", ["seven otters drum at dusk", "chatcraft otters", "904735120586"])
def test_a_long_odd_password_is_taken(password: str, username: str):
    refuse_weak(password, username)


def test_the_list_names_its_licence():
    licence = module.importlib.resources.files("services.auth") / "data" / "LICENSE.common_passwords.md"
    assert "MIT License" in licence.read_text(encoding="utf-8")
