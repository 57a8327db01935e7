"""OpenLDAP's slapd as a process of its own on loopback, with TLS, and people in it."""

import asyncio
import os
import shutil
import socket
import subprocess
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import ldap3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.local import ports

START_S = 60.0
BASE = "dc=corp,dc=example"
PEOPLE = f"ou=people,{BASE}"
ADMINS = f"cn=chat-admins,ou=groups,{BASE}"
ROOT_DN, ROOT_PASSWORD = f"cn=root,{BASE}", "the password of root"
HOST, OTHER_HOST = "127.0.0.1", "127.0.0.2"
_UNPACKED = Path(__file__).parents[1] / ".venv" / "slapd"


class RunningDirectory:
    """A slapd that can be changed, stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._tls_port = ports.pick_free(), ports.pick_free()
        self.url = f"ldap://{HOST}:{self._port}"
        self.starttls_url = f"ldap+starttls://{HOST}:{self._port}"
        self.ldaps_url = f"ldaps://{HOST}:{self._tls_port}"
        self.ca_file = folder / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        prefix = _find_prefix()
        libraries = next(iter((prefix / "usr/lib").glob("*-linux-gnu")), prefix / "usr/lib")
        config = self._folder / "slapd.conf"
        config.write_text(_write_config(prefix, self._folder))
        own = [self.url, self.ldaps_url]
        # The same server under an address that its certificate does not hold, too.
        listens = " ".join(f"{each}/" for each in own + [each.replace(HOST, OTHER_HOST) for each in own])
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it is only started
            [prefix / "usr/sbin/slapd", "-f", config, "-h", listens, "-d", "0"],
            env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(START_S):
            while not await asyncio.to_thread(self._answers):
                assert self._process.poll() is None, "slapd did not start"
                await asyncio.sleep(0.05)  # between two looks at the condition

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    async def put_person(self, uid: str, password: str, **attributes: str) -> None:
        """Add somebody."""
        given = {"cn": uid.title(), "sn": uid, "userPassword": password} | attributes
        await self._change(
            lambda it: it.add(f"uid={ldap3.utils.dn.escape_rdn(uid)},{PEOPLE}", "inetOrgPerson", given)
        )

    async def set_admins(self, *uids: str) -> None:
        """Let the group have these members, and nobody else."""
        members = [f"uid={uid},{PEOPLE}" for uid in uids] or [ROOT_DN]
        await self._change(lambda it: it.modify(ADMINS, {"member": [(ldap3.MODIFY_REPLACE, members)]}))

    async def rename(self, uid: str, new_uid: str) -> None:
        await self._change(lambda it: it.modify_dn(f"uid={uid},{PEOPLE}", f"uid={new_uid}"))

    async def _change(self, change: Any) -> None:
        def run() -> None:
            connection = self._open()
            try:
                assert change(connection), connection.result
            finally:
                connection.unbind()

        await asyncio.to_thread(run)

    def _open(self) -> ldap3.Connection:
        server = ldap3.Server(self.url, get_info=ldap3.NONE, connect_timeout=30)
        return ldap3.Connection(server, ROOT_DN, ROOT_PASSWORD, auto_bind=True, receive_timeout=20)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self._port), 5):
                return True
        except OSError:
            return False

    async def fill(self) -> None:
        """Add the tree; once, after the first start."""
        group = {"member": ROOT_DN}
        await self._change(lambda it: it.add(BASE, ["dcObject", "organization"], {"dc": "corp", "o": "Corp"}))
        for unit in ("people", "groups"):
            name = f"ou={unit},{BASE}"
            await self._change(lambda it, name=name: it.add(name, "organizationalUnit"))
        await self._change(lambda it: it.add(ADMINS, "groupOfNames", group))


@asynccontextmanager
async def run_directory(folder: Path) -> AsyncIterator[RunningDirectory]:
    """Run a directory with nobody in it until the block is left."""
    (folder / "data").mkdir()
    _write_certificate(folder)
    running = RunningDirectory(folder)
    try:
        await running.start()
        await running.fill()
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder / "data")


def _find_prefix() -> Path:
    return Path("/") if Path("/usr/sbin/slapd").exists() else _UNPACKED


def _write_config(prefix: Path, folder: Path) -> str:
    schemas = "".join(
        f'include "{prefix}/etc/ldap/schema/{name}.schema"\n' for name in ("core", "cosine", "inetorgperson")
    )
    modules = "".join(f"moduleload {name}\n" for name in ("back_mdb", "memberof"))
    return schemas + textwrap.dedent(
        f"""\
        modulepath "{prefix}/usr/lib/ldap"
        {textwrap.indent(modules, "        ").strip()}
        pidfile "{folder}/slapd.pid"
        TLSCertificateFile "{folder}/server.pem"
        TLSCertificateKeyFile "{folder}/server.key"
        database mdb
        directory "{folder}/data"
        suffix "{BASE}"
        rootdn "{ROOT_DN}"
        rootpw "{ROOT_PASSWORD}"
        access to attrs=userPassword by anonymous auth by * none
        access to * by users read by anonymous auth
        overlay memberof
        """
    )


def _write_certificate(folder: Path) -> None:
    """Make one for 127.0.0.1 that is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The directory")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    for file in ("ca.pem", "server.pem"):
        (folder / file).write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "server.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
