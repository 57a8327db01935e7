"""The version before this one, from the repository's own history, to run its services beside today's.

That is the newest tag; before there is one, the commit before the newest migration.
"""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIGRATIONS = [f"services/{service}/migrations/versions" for service in ("auth", "messages")]
RUN = ("services", "shared")


def unpack_previous_version(target: Path) -> Path:
    """Return a directory for PYTHONPATH; skips the test where the history is not at hand."""
    commit = _find_tag() or _find_commit_before_newest_migration()
    archive = _git("archive", commit, *RUN) if commit else None
    if archive is None:
        pytest.skip("the version before this one is not here: no repository, or a shallow clone of it")
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(target, filter="data")
    return target


def _find_tag() -> str | None:
    # A tag on this very commit is this version.
    found = _git("describe", "--tags", "--abbrev=0", "HEAD^")
    return found.decode().strip() if found else None


def _find_commit_before_newest_migration() -> str | None:
    found = _git("log", "--diff-filter=A", "-n1", "--format=%H", "--", *MIGRATIONS)
    if not found or not found.strip():
        return None
    before = _git("rev-parse", "--verify", "--quiet", f"{found.decode().strip()}^")
    return before.decode().strip() if before else None


def _git(*arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
