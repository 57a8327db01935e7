"""The flood, in a process of its own: logins with wrong passwords at a rate, whatever the answers."""

import asyncio
import select
import time
from typing import Any

import uvloop

from bench.accounts.rest import RestLink, make_post
from bench.load.measure import percentile
from bench.load.plan import Plan

_TOO_MANY = 429
_ANSWERED_WITHIN_S = 15.0
_OPENED_AT_ONCE = 32


class FloodSession:
    """What the load process can be told."""

    def __init__(self, plan: Plan, control_fd: int) -> None:
        self._address = (plan.host, plan.port)
        self._control_fd = control_fd
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._free: list[RestLink] = []

    def idle(self) -> None:
        """Wait; links that nobody uses are reopened when they are needed."""
        select.select([self._control_fd], [], [])

    def open(self, links: int) -> None:
        """Say how many connections there are; they are opened when the flood begins."""
        self._links = links

    def flood(self, seconds: float, per_s: float, names: list[str]) -> dict[str, Any]:
        """Offer so many logins a second; one for which no link is free is not offered."""
        return self._runner.run(self._flood(seconds, per_s, names))

    async def _flood(self, seconds: float, per_s: float, names: list[str]) -> dict[str, Any]:
        await self._open_links()
        answers: list[tuple[int, float]] = []
        under_way: set[asyncio.Task[None]] = set()
        number = not_offered = 0
        started_s = time.perf_counter()
        while (now_s := time.perf_counter() - started_s) < seconds:
            while number < now_s * per_s:
                number += 1
                if self._free:
                    link = self._free.pop()
                    task = asyncio.create_task(self._guess(link, names[number % len(names)], number, answers))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                else:
                    not_offered += 1
            await asyncio.sleep(0.002)
        if under_way:
            await asyncio.wait(under_way, timeout=_ANSWERED_WITHIN_S)
        return _summarise(answers, seconds, len(under_way), not_offered)

    async def _open_links(self) -> None:
        """Open them anew: the server has closed those that were silent."""
        for link in self._free:
            link.close()
        self._free = []
        while (missing := self._links - len(self._free)) > 0:
            at_once = min(missing, _OPENED_AT_ONCE)
            self._free += await asyncio.gather(*(RestLink.open(self._address) for _ in range(at_once)))

    async def _guess(self, link: RestLink, name: str, number: int, answers: list[tuple[int, float]]) -> None:
        if link.is_closed:  # it was silent for long
            link = await RestLink.open(self._address)
        body = {"login": name, "password": f"a guess, number {number}"}
        asked_s = time.perf_counter()
        try:
            status, _ = await link.ask(make_post(self._address, "/auth/login", body))
        except ConnectionError:  # it had been silent for just so long as we asked
            link = await RestLink.open(self._address)
            status, _ = await link.ask(make_post(self._address, "/auth/login", body))
        answers.append((status, time.perf_counter() - asked_s))
        self._free.append(link)


def _summarise(
    answers: list[tuple[int, float]], seconds: float, unanswered: int, not_offered: int
) -> dict[str, Any]:
    statuses: dict[str, int] = {}
    for status, _ in answers:
        statuses[str(status)] = statuses.get(str(status), 0) + 1
    if unanswered:
        statuses["none"] = unanswered
    refused = [taken_s for status, taken_s in answers if status == _TOO_MANY]
    return {
        "statuses": statuses,
        "answered_per_s": len(answers) / seconds,
        "refused_p99_ms": percentile(refused, 0.99) * 1_000 if refused else 0.0,
        "not_offered": not_offered,
    }
