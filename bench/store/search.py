"""Where the benchmark of searching is called, if there is one: `bench/search.py` comes with search."""

import importlib
import importlib.util
from collections.abc import Awaitable, Callable
from typing import Any, cast

_MODULE = "bench.search"

Search = Callable[[Callable[..., Awaitable[bytes]], str], Awaitable[dict[str, Any]]]
"""Gets `call(subject, asked, user_id)` and the filled database's URL; returns rows of p50_ms and p99_ms."""


def find_search() -> Search | None:
    """Return `measure_search` of that module, or None."""
    if importlib.util.find_spec(_MODULE) is None:
        return None
    return cast("Search | None", getattr(importlib.import_module(_MODULE), "measure_search", None))
