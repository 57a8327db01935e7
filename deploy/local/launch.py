"""Becomes one child process that cannot outlive its parent; `child.py` runs it as a script.

Imports nothing but the standard library, and little of it: it runs once before every child.
"""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
NOBODY_ID = 65534
ISOLATION_REFUSED_EXIT_CODE = 97


def enter_user_namespace() -> None:
    """Become `nobody` on the inside and stay this user on the outside.

    PostgreSQL refuses uid 0. Its files keep their owner, so nothing needs a chown.
    """
    uid, gid = os.getuid(), os.getgid()  # read now: inside, they show as the overflow id
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        sys.exit(ISOLATION_REFUSED_EXIT_CODE)
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{NOBODY_ID} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{NOBODY_ID} {gid} 1", encoding="ascii")
    except OSError:
        sys.exit(ISOLATION_REFUSED_EXIT_CODE)


def become_nobody() -> None:
    """Give up root for good, where namespaces are forbidden."""
    try:
        os.setgroups([])
        os.setresgid(NOBODY_ID, NOBODY_ID, NOBODY_ID)
        os.setresuid(NOBODY_ID, NOBODY_ID, NOBODY_ID)
    except OSError:
        sys.exit(ISOLATION_REFUSED_EXIT_CODE)


def die_with_parent(parent_pid: int, death_signal: int) -> None:
    """Ask the kernel for `death_signal` once the parent thread is gone.

    Comes last: a change of credentials forgets the request.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before we asked
        sys.exit(1)


def main() -> None:
    """Arguments: parent pid, death signal, `plain`, `userns` or `nobody`, then the command."""
    parent_pid, death_signal, isolation, *command = sys.argv[1:]
    if isolation == "userns":
        enter_user_namespace()
    elif isolation == "nobody":
        become_nobody()
    die_with_parent(int(parent_pid), int(death_signal))
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point: arguments stay what they are
    except OSError as exc:
        sys.exit(f"cannot run {command[0]}: {exc.strerror}")


if __name__ == "__main__":
    main()
