"""A TCP proxy on loopback whose links can be cut or go silent, to see how both ends bear it."""

import asyncio
from asyncio import StreamReader, StreamWriter
from typing import Self


class _Link:
    """The two ends of one connection through the proxy."""

    def __init__(self, client: StreamWriter, server: StreamWriter) -> None:
        self.client = client
        self.server = server
        self.is_orphaned = False

    def abort(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()


class TcpProxy:
    """Forwards to `port`; `cut` resets every link, `refuse` turns new ones away too, `stall` eats bytes."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._is_refusing = False
        self._cuts = 0
        self._delay_s = 0.0
        self._to_server, self._to_client = asyncio.Event(), asyncio.Event()
        self.flow()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._server.close()
        self.flow()
        self.cut()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def target_port(self) -> int:
        return self._target[1]

    @property
    def link_count(self) -> int:
        """How many links are open, counting both their ends as one."""
        return len(self._links)

    def cut(self) -> None:
        """Reset every link; new ones are taken."""
        self._cuts += 1
        for link in self._links:
            link.abort()

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

    def stall(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Carry nothing any more, both ways or one, without telling anybody."""
        for is_meant, way in ((to_server, self._to_server), (to_client, self._to_client)):
            if is_meant:
                way.clear()

    def flow(self) -> None:
        """Carry again, what was held back first."""
        self._to_server.set()
        self._to_client.set()

    def slow(self, delay_s: float) -> None:
        """Let each chunk of at most 64 KiB take so long; 0: as fast as it comes."""
        self._delay_s = delay_s

    def orphan(self) -> None:
        """End every link at the server's end alone: the client's stays open, and nothing answers there."""
        for link in self._links:
            link.is_orphaned = True
            link.server.transport.abort()

    def cut_orphans(self) -> None:
        """Reset what `orphan` left open."""
        for link in self._links:
            if link.is_orphaned:
                link.abort()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        await task

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        cuts = self._cuts
        try:
            target_reader, target_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, target_writer)
        if self._cuts != cuts:  # what was still being opened is cut like the others
            link.abort()
            return
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(link, reader, target_writer, self._to_server),
                self._pump(link, target_reader, writer, self._to_client),
            )
            if link.is_orphaned:
                await writer.wait_closed()
        except OSError:
            pass
        finally:
            self._links.discard(link)

    async def _pump(
        self, link: _Link, reader: StreamReader, writer: StreamWriter, way: asyncio.Event
    ) -> None:
        try:
            while chunk := await reader.read(65_536):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await way.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            if not link.is_orphaned:
                writer.close()
