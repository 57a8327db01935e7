"""A ZIP made piece by piece: what one process has written, another goes on with. Pure; zipfile does the work.

Each document is an entry of its own, packed in memory; the directory at the end is made of what each left.
"""

import io
import zipfile
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

PART_BYTES_MAX = 256 * 1024
_READABLE_BY_ALL = 0o644 << 16
# Bit 3 of an entry's flags: it was written to what cannot be rewound, and its sizes stand behind its data.
_SIZES_FOLLOW = 0x08


class Entry(Struct, frozen=True):
    """What the directory says of a document."""

    name: str
    offset_bytes: int
    crc: int
    plain_bytes: int
    packed_bytes: int


class _Sink(io.RawIOBase):
    """Takes what zipfile writes, as the continuation of a file that is `offset` bytes long."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self._place = offset
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes nothing but bytes
        self._written += data
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


def pack(name: str, document: bytes, offset: int, made_at: datetime) -> tuple[bytes, Entry]:
    """Return the bytes that come at `offset`, and what the directory has to say of them."""
    sink = _Sink(offset)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        info = _describe(name, made_at)
        archive.writestr(info, document)
        packed = sink.take()  # before the directory that closing would write
    return packed, Entry(name, offset, info.CRC, info.file_size, info.compress_size)


def close(entries: Iterable[Entry], offset: int, made_at: datetime) -> bytes:
    """Return the directory, which ends the file."""
    sink = _Sink(offset)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.filelist = [_restore(entry, made_at) for entry in entries]
    return sink.take()


def split(data: bytes) -> list[bytes]:
    """Return the parts in which it is kept."""
    return [data[start : start + PART_BYTES_MAX] for start in range(0, len(data), PART_BYTES_MAX)]


def _describe(name: str, made_at: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, made_at.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = _READABLE_BY_ALL
    return info


def _restore(entry: Entry, made_at: datetime) -> zipfile.ZipInfo:
    info = _describe(entry.name, made_at)
    info.header_offset, info.CRC = entry.offset_bytes, entry.crc
    info.file_size, info.compress_size = entry.plain_bytes, entry.packed_bytes
    info.flag_bits |= _SIZES_FOLLOW
    return info
