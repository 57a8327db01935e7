"""One run of chaos: start, invite, break by the schedule, mend, judge. Returns what is wrong."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from deploy.local.data_dir import DataDir
from tests.chaos.evening import Evening, invite
from tests.chaos.judging import PUBLISHED_WITHIN_S, Judge, settle
from tests.chaos.keeper import Keeper
from tests.chaos.people import Guest, come_back
from tests.chaos.schedule import Trouble, plan
from tests.chaos.system import ChaosStack
from tests.chaos.troubles import Troubles
from tests.faults.bus_faults import count_held

# One lost message is missed by everybody who held it.
_SHOWN_MAX, _SHOWN_CHARS = 30, 700

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a run: `wrong` is empty, or there is a bug."""

    wrong: list[str]
    acked: int
    summary: str


async def run(seed: int, seconds: float, data_dir: DataDir, say: Say) -> Outcome:
    """Run one seed's schedule for so long; what processes logged is kept if something is wrong."""
    stack = ChaosStack(f"chaos-{seed}", data_dir)
    async with stack:
        held = await count_held(stack)
        async with (
            Keeper([*stack.servers.children, *stack.children.values()]) as keeper,
            invite(stack.doors, str(seed)) as evening,
        ):
            say("everybody is here")
            wrong = await _live_through(plan(seed, seconds), Troubles(stack, keeper), keeper, evening, say)
            wrong += await _judge(Judge(stack, evening), evening, say)
        wrong += await settle(lambda: Judge(stack, evening).check_let_go(held))
        wrong += keeper.wrong + evening.ledger.wrong
    if wrong:
        shutil.copytree(data_dir.path / "logs", stack.logs / "servers", dirs_exist_ok=True)
        wrong = [*map(_shorten, wrong[:_SHOWN_MAX]), f"{len(wrong)} findings; the logs are in {stack.logs}"]
    return Outcome(wrong, len(evening.ledger.promises), _summarize(evening))


async def _live_through(
    schedule: list[Trouble], troubles: Troubles, keeper: Keeper, evening: Evening, say: Say
) -> list[str]:
    """Let everybody live while it breaks; afterwards all is mended, and each has got the last answer."""
    lives = {guest: asyncio.create_task(guest.live()) for guest in evening.guests}
    try:
        async with asyncio.TaskGroup() as breaking:
            started_s = monotonic()
            for trouble in schedule:
                await asyncio.sleep(started_s + trouble.at_s - monotonic())
                say(str(trouble))
                breaking.create_task(troubles.bring(trouble))
        for guest in evening.guests:
            guest.is_leaving = True
        say("all is mended")
        wrong = await settle(keeper.find_unready)
        wrong += await settle(lambda: _find_waiting(lives))
    finally:
        for task in lives.values():
            task.cancel()
        ends = await asyncio.gather(*lives.values(), return_exceptions=True)
    return wrong + [f"somebody gave up: {end!r}" for end in ends if isinstance(end, Exception)]


async def _find_waiting(lives: dict[Guest, asyncio.Task[None]]) -> list[str]:
    return [f"{guest.name} waits for {guest.doing}" for guest, task in lives.items() if not task.done()]


async def _judge(judge: Judge, evening: Evening, say: Say) -> list[str]:
    *staying, leaving = evening.guests
    await asyncio.gather(*(_return(guest) for guest in staying))
    await leaving.client.disconnect()
    say("everybody has their last answer and is connected")
    wrong = await settle(judge.check_timelines)
    wrong += await settle(judge.check_presence)
    await _return(leaving)
    wrong += await settle(judge.check_states)
    wrong += await settle(judge.check_outbox, PUBLISHED_WITHIN_S)
    wrong += await settle(judge.check_feed)
    wrong += await settle(judge.check_database)
    say("judged; now all leave")
    return wrong + judge.find_disorder()


async def _return(guest: Guest) -> None:
    """Be connected, or be missed by the judge."""
    task = asyncio.create_task(come_back(guest))
    await asyncio.wait({task}, timeout=60)
    task.cancel()


def _shorten(line: str) -> str:
    return line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]} …"


def _summarize(evening: Evening) -> str:
    ledger = evening.ledger
    again = ", ".join(f"{count} {code}" for code, count in ledger.refusals.most_common())
    links = sum(guest.client.connections_made for guest in evening.guests)
    return (
        f"{len(ledger.promises)} messages acked over {links} connections; tried again: {again or 'nothing'}"
    )
