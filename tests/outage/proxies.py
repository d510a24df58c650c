"""A network that fails without a word."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream

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
        async with client, await anyio.connect_tcp("127.0.0.1", self._server_port) as server:
            port = server.extra(SocketAttribute.local_port)
            async with anyio.create_task_group() as ways:

                async def pass_on(source: SocketStream, target: SocketStream) -> None:
                    try:
                        async for text in source:
                            if port not in self._muted:
                                await target.send(text)
                    except LOST:
                        pass
                    ways.cancel_scope.cancel()

                ways.start_soon(pass_on, client, server)
                await pass_on(server, client)
