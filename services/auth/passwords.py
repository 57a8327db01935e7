"""Passwords: which are refused, and their Argon2id hashes, made in a small pool beside the event loop."""

import asyncio
import gzip
import importlib.resources
import os
import re
import secrets
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Counter, Gauge

from shared.contracts.errors import ErrorCode
from shared.errors import ChatError, invalid

T = TypeVar("T")

# Refused whatever digits and signs stand around them (OWASP ASVS 5.0, 6.1.2 and 6.2.11).
_CONTEXT_WORDS = frozenset({"chatcraft"})
_NOT_LETTERS = re.compile(r"[\W\d_]+")

WAITING = Gauge("chatcraft_auth_hashing_waiting", "Passwords that are being hashed or wait for it")
REFUSED = Counter("chatcraft_auth_hashing_refused_total", "Sign-ins told to come again: too many waited")

# OWASP's second choice for Argon2id: 31 ms and 19 MiB each; the library's defaults take 225 ms.
_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1
# 64 a thread are 2 s of work: who comes later would rather be told than wait.
_WAITING_PER_THREAD = 64
_RETRY_MS = 1_000
# Whatever else runs here goes first: a message waits for milliseconds, a login may wait for a second. No more
# than this, or a busy machine would let nobody sign in.
_NICENESS = 5


class Passwords:
    """Hashes and verifies. `close` when done."""

    def __init__(self, threads: int | None = None, waiting_max: int | None = None) -> None:
        threads = threads or os.cpu_count() or 1
        self._argon2 = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=_stand_back)
        self._waiting_max = waiting_max if waiting_max is not None else threads * _WAITING_PER_THREAD
        self._waiting = 0
        self._admitted = 0
        WAITING.set_function(lambda: self._waiting)
        # Verified against where there is no account, so that the answer takes as long.
        self._nobodys_hash = self._argon2.hash(secrets.token_hex())

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold a place for the whole of an attempt, before anything is asked or charged for it.

        So the queue for the database is bounded as well as that for the threads, and who is refused has lost
        no try. Raises ChatError `rate_limited` while all places are taken.
        """
        if self._admitted >= self._waiting_max:
            raise _refuse()
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    async def hash(self, password: str) -> str:
        """Return the encoded hash. Raises ChatError `rate_limited` while too many wait."""
        return await self._run(lambda: self._argon2.hash(_normalize(password)))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is that of the hash; without a hash False, after the same work."""
        wanted = password_hash or self._nobodys_hash
        return await self._run(lambda: self._matches(wanted, password)) and password_hash is not None

    def close(self) -> None:
        """Drop what waits and let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, wanted: str, password: str) -> bool:
        try:
            return self._argon2.verify(wanted, _normalize(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._waiting_max:
            raise _refuse()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _stand_back() -> None:
    """Lower the priority of a hashing thread; elsewhere than on Linux, threads have none of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _refuse() -> ChatError:
    REFUSED.inc()
    return ChatError(
        ErrorCode.RATE_LIMITED, "too many are signing in at the moment", retry_after_ms=_RETRY_MS
    )


def refuse_weak(password: str, username: str, field: str = "password") -> None:
    """Raise ChatError `invalid_input` for a common password, the user name, or a word of this context."""
    folded = password.casefold()
    letters = _keep_letters(folded)
    if folded == username.casefold() or (letters and letters == _keep_letters(username.casefold())):
        raise invalid(field, "must not be the user name")
    if letters in _CONTEXT_WORDS:
        raise invalid(field, "must be more than the name of this place")
    if folded in load_common_passwords():
        raise invalid(field, "is among the most common ones; choose another")


@cache
def load_common_passwords() -> frozenset[str]:
    """Return the shipped list, case folded: 11,611 of at least eight characters, 1.2 MB in memory."""
    packed = (importlib.resources.files("services.auth") / "data" / "common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().splitlines())


def _keep_letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text)


def _normalize(password: str) -> str:
    # Keyboards differ in how they compose letters; RFC 8265, section 4.2.2, settles on NFC.
    return unicodedata.normalize("NFC", password)
