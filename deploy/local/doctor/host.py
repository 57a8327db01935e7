"""This machine and the processes of `chatcraft up` on it: disk, descriptors, readiness."""

import asyncio
import re
import resource
import shutil
from collections.abc import Mapping
from pathlib import Path

import httpx2

from deploy.local.doctor.finding import Finding, Level, fail, judge, ok

_TIMEOUT_S = 5
_DISK_USED_SHARE = (0.9, 0.97)
_DISK_FREE_MIN_BYTES = 512 * 2**20
# A gateway keeps 128 of them for itself.
_DESCRIPTORS_MIN = 4_096
_DESCRIPTORS_SHARE = (0.8, 0.95)
_OPEN = re.compile(r"^process_open_fds (\S+)$", re.MULTILINE)
_MAX = re.compile(r"^process_max_fds (\S+)$", re.MULTILINE)


def examine_disk(path: Path) -> Finding:
    """Look at where the data is."""
    usage = shutil.disk_usage(path)
    text = f"{usage.free / 2**30:,.1f} of {usage.total / 2**30:,.1f} GiB free in {path}"
    advice = "make room: a full disk stops every write. CHATCRAFT_MESSAGES_FEED_MAX_BYTES bounds the feed"
    if usage.free < _DISK_FREE_MIN_BYTES:
        return fail("disk", text, advice)
    found = judge("disk", 1 - usage.free / usage.total, _DISK_USED_SHARE, text, advice)
    # Of a large disk three parts in a hundred are still much.
    return found if found.level is not Level.FAIL else Finding("disk", Level.WARN, text, advice)


def examine_descriptors() -> Finding:
    """Look at how many connections a process that this user starts could hold."""
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"a process may open {allowed:,} files and sockets"
    advice = "raise it for who runs the gateways: `ulimit -n`, or LimitNOFILE= in the systemd unit"
    return judge("descriptors", -allowed, (-_DESCRIPTORS_MIN, -256), text, advice)


async def examine_processes(places: Mapping[str, str]) -> list[Finding]:
    """Ask each process of `chatcraft up` whether it can serve."""
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as http:
        return list(await asyncio.gather(*(_examine(http, name, place) for name, place in places.items())))


async def _examine(http: httpx2.AsyncClient, name: str, place: str) -> Finding:
    base, name = f"http://{place}", f"process {name}"
    try:
        ready = await http.get(f"{base}/readyz")
        metrics = (await http.get(f"{base}/metrics")).text
    except httpx2.HTTPError as exc:
        advice = "`chatcraft up` restarts what dies: see what it prints for this process"
        return fail(name, f"{place} does not answer: {str(exc) or type(exc).__name__}", advice)
    if not ready.is_success:
        wrong = "; ".join(line for line in ready.text.splitlines() if not line.endswith(": ok"))
        return fail(name, f"is not ready: {wrong}", "mend what it names; it serves again by itself")
    used, allowed = _OPEN.search(metrics), _MAX.search(metrics)
    if used is None or allowed is None:  # not every system tells
        return ok(name, "is ready")
    share = float(used[1]) / float(allowed[1])
    text = f"is ready; {float(used[1]):,.0f} of {float(allowed[1]):,.0f} descriptors"
    return judge(name, share, _DESCRIPTORS_SHARE, text, "start another gateway, or raise `ulimit -n`")
