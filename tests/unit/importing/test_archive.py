"""The zip is read within bounds, nothing is unpacked, and what is broken is named by file and line."""

import json
import zipfile
from pathlib import Path

import pytest

from deploy.importing.slack import archive
from deploy.importing.slack.archive import Archive, BrokenFileError
from deploy.importing.slack.export import SlackExport
from deploy.importing.slack.records import Message
from deploy.local.errors import StartError
from tests.slack_export import DAY_1, GENERAL_DAY_2, write_export


def texts(opened: Archive, name: str) -> list[str | None]:
    return [message.text for message in opened.read_records(name, Message) if message]


def test_an_export_in_a_folder_of_its_own_is_found(tmp_path: Path):
    path = write_export(tmp_path / "a.zip", prefix="My export/")
    opened = Archive.open(path)
    assert opened.has("channels.json")
    assert texts(opened, f"random/{DAY_1}.json") == ["hm"]
    opened.close()


def test_names_that_would_lead_elsewhere_lead_nowhere(tmp_path: Path):
    names = (
        "../../etc/passwd",
        "/etc/cron.d/x",
        "general/../../2024-01-01.json",
        "..\\2024-01-01.json",
        "a/b/2024-01-01.json",
    )
    path = write_export(tmp_path / "a.zip", {name: [] for name in names})
    opened = Archive.open(path)
    assert sorted(opened.days_by_folder) == sorted(
        {"general", "random", "old", "secret", "D0AB", "D0AA", "mpdm-ada--ben--cleo-1", ".."}
    )
    assert list(tmp_path.iterdir()) == [path]
    opened.close()


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(tmp_path: Path):
    path = write_export(tmp_path / "a.zip", {f"general/{DAY_1}.json": b"[" + b" " * 20_000_000 + b"]"})
    with pytest.raises(StartError, match="zip bomb"):
        Archive.open(path)


def test_a_file_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive, "FILE_MAX_BYTES", 1_000)
    with pytest.raises(StartError, match="larger than"):
        Archive.open(write_export(tmp_path / "a.zip"))


@pytest.mark.parametrize(("content", "problem"), [(b"PK nonsense", "not a zip"), (None, "no users.json")])
def test_what_is_no_export_is_told_so(tmp_path: Path, content: bytes | None, problem: str):
    path = tmp_path / "a.zip"
    if content is not None:
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("hello.txt", "hello")
    with pytest.raises(StartError, match=problem):
        Archive.open(path)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'[\n  {"ts": "1.0",\n   "text": }\n]', "line 3, column 12"),
        (b'[\n{"text": "\xff"}]', "line 2: not UTF-8"),
        (b'{"ok": false}', "line 1: not a list"),
        (b'[{"text": "cut', "line 1"),
        (b"[" * 100_000, f"random/{DAY_1}.json"),
    ],
)
def test_broken_json_is_named_by_file_and_line(tmp_path: Path, content: bytes, where: str):
    opened = Archive.open(write_export(tmp_path / "a.zip", {f"random/{DAY_1}.json": content}))
    with pytest.raises(BrokenFileError) as caught:
        list(opened.read_records(f"random/{DAY_1}.json", Message))
    assert f"random/{DAY_1}.json" in str(caught.value)
    assert where in str(caught.value)
    opened.close()


def test_a_damaged_zip_is_named_too(tmp_path: Path):
    path = write_export(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as packed:
        info = packed.getinfo(f"random/{DAY_1}.json")
        start = info.header_offset + 30 + len(info.filename)
    data[start + 4 : start + 40] = bytes(36)
    path.write_bytes(data)
    opened = Archive.open(path)
    with pytest.raises(BrokenFileError, match="random"):
        list(opened.read_records(f"random/{DAY_1}.json", Message))
    opened.close()


def test_one_odd_record_costs_only_itself(tmp_path: Path):
    records = [
        {"ts": "1.0", "text": "a"},
        {"ts": 5, "text": ["b"]},
        "c",
        {"ts": "2.0", "text": "d \ud83d", "files": [None]},
    ]
    opened = Archive.open(write_export(tmp_path / "a.zip", {f"random/{DAY_1}.json": records}))
    found = list(opened.read_records(f"random/{DAY_1}.json", Message))
    assert [message and message.text for message in found] == ["a", None, None, "d \ufffd"]
    opened.close()


def test_a_mark_at_the_beginning_of_a_file_does_not_matter(tmp_path: Path):
    content = b"\xef\xbb\xbf" + json.dumps([{"ts": "1.0", "text": "a"}]).encode()
    opened = Archive.open(write_export(tmp_path / "a.zip", {f"random/{DAY_1}.json": content}))
    assert texts(opened, f"random/{DAY_1}.json") == ["a"]
    opened.close()


def test_a_broken_export_is_refused_whole_unless_told_to_skip(tmp_path: Path):
    path = write_export(tmp_path / "a.zip", {f"random/{DAY_1}.json": b"[\n1,\n"})
    with SlackExport.open(path, None) as export, pytest.raises(StartError, match=r"random/.*line 3"):
        export.survey(lambda _: None)
    with SlackExport.open(path, None) as export:
        export.survey(lambda _: None, skips_broken=True)
        assert export.summary.left_behind["broken file"].count == 1
        assert export.message_count > len(GENERAL_DAY_2)


def test_an_export_that_does_not_name_its_workspace_needs_a_name(tmp_path: Path):
    path = write_export(tmp_path / "a.zip", {"users.json": [{"id": "U1", "name": "ann"}]})
    with pytest.raises(StartError, match="--team"):
        SlackExport.open(path, None)
    with SlackExport.open(path, "acme") as export:
        assert export.team == "acme"
