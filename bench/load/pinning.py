"""Which core does what: the server that is measured has one to itself, everything else shares the rest."""

import os
from dataclasses import dataclass
from pathlib import Path


class TooFewCores(Exception):  # noqa: N818 - the sentence is the message
    """There is no second core to keep the load away from the server."""


@dataclass(frozen=True)
class Cores:
    """Numbers of processor cores."""

    server: int
    others: frozenset[int]


def choose_cores() -> Cores:
    """Return the first core for the server, the others for the rest. Raises TooFewCores."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise TooFewCores("needs two processor cores: one for the server, one for the load")
    return Cores(first, frozenset(others))


def pin(pid: int, cores: frozenset[int]) -> None:
    """Keep a process, with the threads it has and those it will have, on these cores."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)
