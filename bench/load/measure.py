"""Figures: percentiles, CPU of processes, and the machine they were taken on."""

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summarise_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p99 and the maximum in milliseconds."""
    return {
        "p50_ms": round(percentile(seconds, 0.50) * 1000, 2),
        "p99_ms": round(percentile(seconds, 0.99) * 1000, 2),
        "max_ms": round(max(seconds) * 1000, 2),
    }


def cpu_s(pid: int) -> float:
    """Return user and system seconds that a process has used, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def tree_cpu_s(pid: int) -> float:
    """Return what a process and its living descendants have used; PostgreSQL has one for each connection."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = {pid}
    # A child may have a lower number than its parent: look until nobody is added.
    while found := {child for child, parent in parents.items() if parent in family} - family:
        family |= found
    total_s = 0.0
    for member in family:
        with suppress(OSError):
            total_s += cpu_s(member)
    return total_s


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def summarise_repeats(values: Sequence[float]) -> dict[str, float]:
    """Return the median of several repeats, and between what they lay."""
    return {"median": round(median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def describe_machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown",
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "commit": commit.stdout.strip(),
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


class CpuMeter:
    """CPU of several processes between two moments, in shares of one core."""

    def __init__(self, pids: dict[str, int], trees: dict[str, int] | None = None) -> None:
        """`trees` are processes that are counted with their descendants."""
        self._pids = pids
        self._trees = trees or {}
        self._started_s = time.perf_counter()
        self._before = self._read()

    def read(self) -> dict[str, float]:
        """Return the share of a core that each process used since the start."""
        elapsed_s = time.perf_counter() - self._started_s
        return {name: round(used_s / elapsed_s, 3) for name, used_s in self.read_s().items()}

    def read_s(self) -> dict[str, float]:
        """Return the seconds of CPU that each process used since the start."""
        return {name: used_s - self._before[name] for name, used_s in self._read().items()}

    def _read(self) -> dict[str, float]:
        plain = {name: cpu_s(pid) for name, pid in self._pids.items()}
        return plain | {name: tree_cpu_s(pid) for name, pid in self._trees.items()}
