"""A network that fails without a word."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import anyio
from anyio.abc import SocketAttribute, SocketStream

Way = Literal["up", "down"]  # to the server, and from it

LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


class Proxy:
    """Passes on what is said between clients and a server on this machine, unless it is told to swallow it."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._muted: set[int] = set()
        self.port = 0

    def mute(self, port: int) -> None:
        """Swallow what is said on the connection that comes to the server from this port, now and evermore."""
        self._muted.add(port)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self.port = listener.extra(SocketAttribute.local_port)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._serve)
            yield
            tasks.cancel_scope.cancel()

    async def _serve(self, client: SocketStream) -> None:
        async with client:
            try:
                server = await anyio.connect_tcp("127.0.0.1", self._server_port)
            except OSError:  # it does not run; the client hears of it as well as we can tell
                return
            async with server, anyio.create_task_group() as ways:
                port = server.extra(SocketAttribute.local_port)

                async def pass_on(source: SocketStream, target: SocketStream, way: Way) -> None:
                    try:
                        async for text in source:
                            await self._carry(text, target, port, way)
                    except LOST:
                        pass
                    await self._hang_up(way)
                    ways.cancel_scope.cancel()

                ways.start_soon(pass_on, client, server, "up")
                await pass_on(server, client, "down")

    async def _carry(self, text: bytes, target: SocketStream, port: int, way: Way) -> None:
        """Bring what was said to where it was meant for; `port` is where the connection comes to the server from."""
        if port not in self._muted:
            await target.send(text)

    async def _hang_up(self, way: Way) -> None:
        """Whoever talks this way has hung up; returns when the other one may know."""
