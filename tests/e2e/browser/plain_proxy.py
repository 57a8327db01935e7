"""A proxy as companies have them: it carries HTTP, and nothing that would become a WebSocket."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter

from tests.tcp_proxy import TcpProxy

_UPGRADE = re.compile(rb"(?im)^(?:upgrade|connection): [^\r]*upgrade[^\r]*\r\n|^upgrade: [^\r]*\r\n")
_HEAD_END = b"\r\n\r\n"
_CHUNK_BYTES = 65_536


class PlainHttpProxy(TcpProxy):
    """Strips `Upgrade` from the first request of each link: a browser opens one for each WebSocket."""

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        plain = StreamReader()
        await asyncio.gather(self._strip(reader, plain), super()._serve(plain, writer))

    async def _strip(self, reader: StreamReader, plain: StreamReader) -> None:
        try:
            plain.feed_data(_UPGRADE.sub(b"", await reader.readuntil(_HEAD_END)))
            while chunk := await reader.read(_CHUNK_BYTES):
                plain.feed_data(chunk)
        except (OSError, asyncio.IncompleteReadError):
            pass
        plain.feed_eof()
