"""A store that is away, in the log: a line from each task that fails of it, and one when it is back.

Each service makes an `Outage` of its store; `Background` tells it of failures. Knows no store itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from shared.contracts.errors import ErrorCode
from shared.errors import ChatError
from shared.telemetry import get_logger

log = get_logger(__name__)

_AWAY = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT})
_ASK_EVERY_S = 1.0
# By then a task that still cannot go on has failed again, although the store answers: as on a full disk, or
# where a service is silent (for 5 s).
_CALM_S = 6.0

Translate = Callable[[Exception], ChatError | None]


def _translate_nothing(_exc: Exception) -> None: ...


class Outage:
    """One per process. `ask` returns if the store answers; `translate` is the store's, beside ChatError."""

    def __init__(self, ask: Callable[[], Awaitable[None]], translate: Translate = _translate_nothing) -> None:
        self._ask = ask
        self._translate = translate
        self._tasks: set[str] = set()
        self._calm_at_s = 0.0

    def explain(self, exc: Exception) -> str | None:
        """Say in a line what is away; None for what nobody expects, which is worth its traceback."""
        if isinstance(exc, ExceptionGroup):
            reasons = [self.explain(each) for each in exc.exceptions]
            return reasons[0] if all(reasons) else None
        error = exc if isinstance(exc, ChatError) else self._translate(exc)
        return str(error) if error is not None and error.code in _AWAY else None

    def note(self, task: str, reason: str, retry_in_s: float) -> bool:
        """Log a failure unless this task has had its line; True if it is the first: then run `watch`."""
        is_first = not self._tasks
        if task not in self._tasks:
            log.warning("task_failed", task=task, reason=reason, retry_in_s=retry_in_s)
            self._tasks.add(task)
        self._calm_at_s = monotonic() + retry_in_s + _CALM_S
        return is_first

    async def watch(self) -> None:
        """Wait until the store answers and the tasks that were started again go on; log it."""
        begun_at_s = monotonic()
        try:
            while monotonic() < self._calm_at_s or not await self._answers():  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(_ASK_EVERY_S)
            log.info("tasks_go_on", tasks=sorted(self._tasks), after_s=round(monotonic() - begun_at_s, 1))
        finally:
            self._tasks.clear()

    async def _answers(self) -> bool:
        try:
            await self._ask()
        except Exception as exc:
            if self.explain(exc) is None:
                raise
            return False
        return True
