"""The data directory of `chatcraft up`: marker, lock, secrets and ports that are kept between runs.

Knows nothing of what is stored beside them.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.local import ports
from deploy.local.errors import StartError

FORMAT = 1
MARKER = "chatcraft.json"
LOOPBACK = "127.0.0.1"
# After `kill -9` of the supervisor its servers hold the lock until they have stopped, well under a second.
LEFTOVERS_WAIT_S = 10.0
_NO_LOCK = -1
MAX_LOG_BYTES = 16 * 1024 * 1024


class DataDir:
    """An open and locked data directory. One process tree at a time; every child inherits the lock.

    So the lock is free only when the last server of an earlier run has let go of its files.
    """

    def __init__(self, path: Path, lock_fd: int) -> None:
        self.path = path
        self.lock_fd = lock_fd
        self._secrets = _read_json(path / "secrets.json")
        self._ports = _read_json(path / "ports.json")
        self._hosts = _read_json(path / "hosts.json")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Create or open `path`. Raises StartError where it is foreign, in use, or not writable."""
        path = path.expanduser().absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_is_ours(path)
            return cls(path, _lock(path))
        except (NotADirectoryError, FileExistsError):
            raise StartError(f"{path} is not a directory; choose another one with --data-dir") from None
        except PermissionError as exc:
            raise StartError(
                f"{path} cannot be used: no permission for {exc.filename}; "
                "run as its owner, or choose another one with --data-dir"
            ) from None

    @classmethod
    def find_running(cls, path: Path) -> Self | None:
        """Return the directory of a `chatcraft up` that runs, to read from it; None if none does."""
        path = path.expanduser().absolute()
        try:
            fd = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
            return cls(path, _NO_LOCK) if _is_alive(holder) else None
        finally:
            os.close(fd)
        return None

    def close(self) -> None:
        """Give the lock back."""
        if self.lock_fd != _NO_LOCK:
            os.close(self.lock_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def secret(self, name: str) -> str:
        """Return the secret of that name, made at its first use: 32 random bytes in base64url."""
        if name not in self._secrets:
            self._secrets[name] = secrets.token_urlsafe(32)
            _write_json(self.path / "secrets.json", self._secrets)
        return str(self._secrets[name])

    def set_secret(self, name: str, secret: str) -> None:
        """Keep a secret that was made elsewhere."""
        self._secrets[name] = secret
        _write_json(self.path / "secrets.json", self._secrets)

    @staticmethod
    def peek_secret(path: Path, name: str) -> str | None:
        """Return a secret of a directory that need not be open, nor be there; makes none."""
        secret = _read_json(path.expanduser() / "secrets.json").get(name)
        return None if secret is None else str(secret)

    @staticmethod
    def peek_port(path: Path, name: str) -> int | None:
        """Return the port that `name` had last in such a directory."""
        port = _read_json(path.expanduser() / "ports.json").get(name)
        return None if port is None else int(port)

    def port(self, name: str) -> int:
        """Return a free port on loopback for `name`, the same as last time if that is still free."""
        known = self._ports.get(name)
        if isinstance(known, int) and ports.is_free(self.host(name), known) and ports.claim(known):
            return known
        others = {port for other, port in self._ports.items() if other != name}
        self._ports[name] = ports.pick_free(self.host(name), avoid=others)
        _write_json(self.path / "ports.json", self._ports)
        return int(self._ports[name])

    def port_in_use(self, name: str) -> int:
        """Return the port that `port` gave `name` last."""
        return int(self._ports[name])

    def host(self, name: str) -> str:
        """Return on which address of loopback `name` listens."""
        return str(self._hosts.get(name, LOOPBACK))

    def place(self, host_by_name: Mapping[str, str]) -> None:
        """Let each listen on an address of its own from now on; all others do on 127.0.0.1."""
        self._hosts = dict(host_by_name)
        _write_json(self.path / "hosts.json", self._hosts)

    def read_note(self, name: str) -> str | None:
        """Return what an earlier run noted in the marker file under `name`."""
        note = _read_json(self.path / MARKER).get(name)
        return None if note is None else str(note)

    def write_note(self, name: str, note: str) -> None:
        """Note something in the marker file for later runs."""
        marker = _read_json(self.path / MARKER)
        _write_json(self.path / MARKER, marker | {name: note})

    def log_file(self, name: str) -> Path:
        """Return the log file of a server; what has grown large is put aside, one generation."""
        logs = self.path / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        log = logs / f"{name}.log"
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.old"))
        return log

    def write_private(self, name: str, text: str) -> Path:
        """Write a file that only its owner can read, whole or not at all; return its path."""
        path = self.path / name
        _write_text(path, text)
        return path


def _check_is_ours(path: Path) -> None:
    marker = path / MARKER
    if not marker.exists():
        if any(entry.name != f"{MARKER}.new" for entry in path.iterdir()):
            raise StartError(
                f"{path} is not empty and not a ChatCraft data directory; choose another one with --data-dir"
            )
        _write_json(marker, {"format": FORMAT})
    found = _read_json(marker).get("format")
    if found != FORMAT:
        raise StartError(
            f"{path} has data format {found}, this ChatCraft knows format {FORMAT}; "
            "use the matching version, or another directory with --data-dir"
        )


def _lock(path: Path) -> int:
    fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LEFTOVERS_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
            if not _is_alive(holder) and time.monotonic() < deadline:
                time.sleep(0.02)  # the servers of a killed run are still going down
                continue
            os.close(fd)
            raise StartError(
                f"{path} is in use by another `chatcraft up` (pid {holder or 'unknown'}); "
                "stop that one, or choose another directory with --data-dir"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return fd


def _is_alive(pid: str) -> bool:
    return pid.isdigit() and Path("/proc", pid).exists()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as exc:
        raise StartError(f"{path} is damaged ({exc}); restore it, or choose another --data-dir") from None
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    _write_text(path, json.dumps(value, indent=2) + "\n")


def _write_text(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.rename(path)
