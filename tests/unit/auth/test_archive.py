"""A ZIP that several processes write, one after the other, is one that anybody can read."""

import io
import zipfile
from datetime import UTC, datetime

from services.auth.privacy import archive

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


def write(documents: dict[str, bytes]) -> bytes:
    """Each document knows nothing of the others but where it begins."""
    whole, entries = b"", []
    for name, content in documents.items():
        packed, entry = archive.pack(name, content, len(whole), NOW)
        whole += packed
        entries.append(entry)
    return whole + archive.close(entries, len(whole), NOW)


def test_documents_that_were_packed_apart_are_one_archive():
    documents = {f"messages/{number:04}.json": b'{"text":"m%d"}' % number * 1_000 for number in range(50)}
    with zipfile.ZipFile(io.BytesIO(write(documents))) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == documents
        assert read.infolist()[0].date_time == (2026, 11, 29, 12, 30, 0)


def test_an_archive_of_nothing_is_one_too():
    with zipfile.ZipFile(io.BytesIO(write({}))) as read:
        assert read.namelist() == []


def test_it_does_not_matter_who_went_on():
    """The same piece written again, by whoever took over, has the very same bytes."""
    first = archive.pack("a.json", b"{}", 1_000, NOW)
    assert archive.pack("a.json", b"{}", 1_000, NOW) == first


def test_parts_are_small_and_put_together_the_whole():
    data = bytes(range(256)) * 3_000
    parts = archive.split(data)
    assert b"".join(parts) == data
    assert max(map(len, parts)) == archive.PART_BYTES_MAX
