"""Becomes a PostgreSQL whose tables lie on a small disk; `small_disk.py` runs it as a script.

Imports nothing but the standard library. Arguments: the directory of the tables, then the server's command.
"""

import ctypes
import os
import shutil
import signal
import sys
from pathlib import Path

FREE_BYTES = 16 * 1024 * 1024
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
PR_SET_PDEATHSIG = 1
REFUSED_EXIT_CODE = 97


def enter_namespaces() -> None:
    """Have mounts of our own, and stay who we are."""
    uid, gid = os.getuid(), os.getgid()
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        sys.exit(REFUSED_EXIT_CODE)
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    except OSError:
        sys.exit(REFUSED_EXIT_CODE)


def move_to_disk(tables: Path) -> None:
    """Mount the disk over the tables, with a copy of them on it."""
    copied = tables.with_name("base.copy")
    shutil.copytree(tables, copied)
    size_bytes = FREE_BYTES + sum(file.stat().st_blocks * 512 for file in copied.rglob("*"))
    options = f"size={size_bytes},mode=700".encode()
    if ctypes.CDLL(None).mount(b"small", os.fsencode(tables), b"tmpfs", 0, options) != 0:
        sys.exit(REFUSED_EXIT_CODE)
    shutil.copytree(copied, tables, dirs_exist_ok=True)
    shutil.rmtree(copied)


if __name__ == "__main__":
    enter_namespaces()
    move_to_disk(Path(sys.argv[1]))
    # The launcher asked for it; entering a namespace may have made the kernel forget.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
    os.execv(sys.argv[2], sys.argv[2:])
