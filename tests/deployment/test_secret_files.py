"""python3 -m deploy.secret_files: whole, random, for the owner alone; and the services read such files."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.secret_files import make_files, write_files
from tests.deployment.dockerfile import ROOT


def test_only_the_owner_gets_in_and_containers_can_read(tmp_path: Path):
    before = os.umask(0o077)
    try:
        write_files(tmp_path / "secrets", make_files())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets" / "auth").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "secrets" / "auth" / "CHATCRAFT_SECRET_KEY").stat().st_mode) == 0o644


def test_no_two_deployments_have_a_secret_in_common():
    first, second = make_files(), make_files()
    for name, files in first.items():
        for key, value in files.items():
            assert second[name][key] != value


def test_it_needs_python_alone_and_changes_nothing_that_is_there(tmp_path: Path):
    folder = tmp_path / "secrets"
    command = [sys.executable, "-S", "-m", "deploy.secret_files", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=30, capture_output=True)
    before = (folder / "auth" / "CHATCRAFT_SECRET_KEY").read_text()
    again = subprocess.run(command, cwd=ROOT, timeout=30, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "exists" in again.stderr
    assert (folder / "auth" / "CHATCRAFT_SECRET_KEY").read_text() == before


@pytest.mark.parametrize("module", ["shared.migrate", "services.auth.admin", "services.messages.admin"])
def test_commands_find_the_database_in_a_secret_as_kubernetes_mounts_it(tmp_path: Path, module: str):
    """Behind a link to a link; and a command that needs no more than that reads it as services do."""
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "..2026" / "CHATCRAFT_DATABASE_URL").write_text("postgresql://u:word@127.0.0.1:1/x\n")
    (tmp_path / "CHATCRAFT_DATABASE_URL").symlink_to("..data/CHATCRAFT_DATABASE_URL")
    arguments = {"services.auth.admin": ["promote", "ada"], "services.messages.admin": ["verify"]}
    done = subprocess.run(
        [sys.executable, "-P", "-m", module, *arguments.get(module, ())],
        env={**os.environ, "CHATCRAFT_SECRETS_DIR": str(tmp_path)},
        timeout=60, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "CHATCRAFT_DATABASE_URL is not set" not in done.stderr
    assert "Connect call failed ('127.0.0.1', 1)" in done.stderr
