"""Leaving out at the start what a library would load and we do not use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(name: str) -> Iterator[None]:
    """Let a package that is not loaded yet seem not to be installed for what is imported meanwhile."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # the import system's own "there is none"
    try:
        yield
    finally:
        del sys.modules[name]
