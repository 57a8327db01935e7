"""What the Dockerfile says, parsed: its stages, and for each what is copied, run and set."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
ROOT = DEPLOY.parent


@dataclass
class Stage:
    """One FROM and what follows; `steps` are (INSTRUCTION, rest)."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def rests(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]

    @property
    def env(self) -> dict[str, str]:
        """What ENV sets; `$PATH` and its like stay as they are written."""
        words = [word for rest in self.rests("ENV") for word in shlex.split(rest)]
        return dict(word.split("=", 1) for word in words)

    @property
    def copies(self) -> list[tuple[str | None, list[str], str]]:
        """Each COPY: the stage it is from, or None for the checkout; the sources; the destination."""
        found = []
        for rest in self.rests("COPY"):
            words = rest.split()
            options = [word for word in words if word.startswith("--")]
            *sources, target = [word for word in words if not word.startswith("--")]
            origin = next((word.removeprefix("--from=") for word in options), None)
            found.append((origin, sources, target))
        return found


def read_stages(text: str) -> list[Stage]:
    """Return the stages in order. Raises ValueError for an instruction before the first FROM."""
    stages: list[Stage] = []
    for line in _join_lines(text):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            base, _, alias = rest.partition(" AS ")
            stages.append(Stage(base.strip(), alias.strip()))
        elif not stages:
            raise ValueError(f"{name} before FROM")
        else:
            stages[-1].steps.append((name, rest.strip()))
    return stages


def _join_lines(text: str) -> Iterator[str]:
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", " ", kept).splitlines():
        if line.strip():
            yield line.strip()


def is_sent(path: str, ignore: str) -> bool:
    """Whether .dockerignore lets this path (from the root) go to the builder. The last match decides."""
    sent = True
    for line in ignore.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        if _matches(path, pattern.removeprefix("!")):
            sent = pattern.startswith("!")
    return sent


def _matches(path: str, pattern: str) -> bool:
    parts = path.split("/")
    prefixes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    if pattern.startswith("**/"):
        return any(fnmatch(part, pattern[3:]) for part in parts)
    return any(fnmatch(prefix, pattern) and prefix.count("/") == pattern.count("/") for prefix in prefixes)
