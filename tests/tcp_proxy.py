"""A TCP proxy on loopback whose links can be cut or go silent, to see how both ends bear it."""

import asyncio
from typing import Self


class TcpProxy:
    """Forwards to `port`; `cut` resets every link, `refuse` turns new ones away too, `stall` eats bytes."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_refusing = False
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._server.close()
        self.cut()

    @property
    def target_port(self) -> int:
        return self._target[1]

    @property
    def link_count(self) -> int:
        """How many links are open, counting both their ends as one."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Reset every link; new ones are taken."""
        for writer in self._writers:
            writer.transport.abort()

    def refuse(self) -> None:
        """Reset every link, and each new one, until `accept`."""
        self._is_refusing = True
        self.cut()

    def accept(self) -> None:
        """Take new links again."""
        self._is_refusing = False

    def lead_to(self, port: int) -> None:
        """Lead to another server, and cut the links to the one before."""
        self._target = (self._target[0], port)
        self.cut()

    def stall(self) -> None:
        """Carry nothing any more, without telling anybody."""
        self._flowing.clear()

    def flow(self) -> None:
        """Carry again, what was held back first."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        try:
            target_reader, target_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._pump(reader, target_writer), self._pump(target_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while chunk := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
