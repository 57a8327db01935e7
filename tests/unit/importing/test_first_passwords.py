"""The file of first passwords: its owner's only, whole or not at all, read again by a later run."""

from pathlib import Path

import pytest

from deploy.local.errors import StartError
from deploy.local.first_passwords import Entry, make_password, read_entries, write_entries


def test_what_was_written_is_read_again(tmp_path: Path):
    path = tmp_path / "passwords.csv"
    entries = [Entry("ada", 'a"d,a@example.com', make_password()), Entry("ben", "", make_password())]
    write_entries(path, entries)
    assert read_entries(path) == {each.username: each for each in entries}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["passwords.csv"]


def test_a_file_that_others_could_read_is_replaced_by_one_they_cannot(tmp_path: Path):
    path = tmp_path / "passwords.csv"
    write_entries(path, [])
    path.chmod(0o644)
    write_entries(path, [])
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["name;key\n", "", "username,email,password\nada\n", "\udcff"])
def test_another_file_is_not_taken_for_one(tmp_path: Path, content: str):
    path = tmp_path / "notes.csv"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(StartError, match="--passwords"):
        read_entries(path)


def test_an_address_that_a_spreadsheet_would_run_is_defused(tmp_path: Path):
    path = tmp_path / "passwords.csv"
    write_entries(path, [Entry("ada", "=HYPERLINK()@example.com", "x")])
    write_entries(path, read_entries(path).values())
    assert read_entries(path)["ada"].email == "'=HYPERLINK()@example.com"


def test_passwords_are_long_and_differ():
    made = {make_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 19 for password in made)
