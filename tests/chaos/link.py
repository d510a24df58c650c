"""The network between one process and a server, which is slow at times, or passes nothing on in one direction or both.

What does not get through is kept, as TCP keeps it and sends it again: when the link has healed it arrives late, unless
the connection was given up meanwhile, or is cut then.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from anyio.abc import SocketStream
from outage.proxies import Proxy, Way


class Link(Proxy):
    """A proxy for one process.

    Attributes:
        delay: seconds that each piece of what is said takes longer.
        rate: bytes that pass in a second; None is as many as there are.
    """

    def __init__(self, server_port: int) -> None:
        super().__init__(server_port)
        self.delay = 0.0
        self.rate: float | None = None
        self._healed: dict[Way, anyio.Event] = {}
        self._connections: set[anyio.CancelScope] = set()

    @contextmanager
    def blocked(self, *ways: Way) -> Iterator[None]:
        """Let nothing pass this way for as long as it takes."""
        healed = anyio.Event()
        self._healed.update(dict.fromkeys(ways, healed))
        try:
            yield
        finally:
            for way in ways:
                del self._healed[way]
            healed.set()

    def cut(self) -> None:
        """End all connections; what was under way is gone."""
        for scope in self._connections:
            scope.cancel()

    async def _serve(self, client: SocketStream) -> None:
        with anyio.CancelScope() as scope:
            self._connections.add(scope)
            try:
                await super()._serve(client)
            finally:
                self._connections.discard(scope)

    async def _carry(self, text: bytes, target: SocketStream, port: int, way: Way) -> None:
        await anyio.sleep(self.delay + (0 if self.rate is None else len(text) / self.rate))
        await self._is_open(way)
        await super()._carry(text, target, port, way)

    async def _hang_up(self, way: Way) -> None:
        await self._is_open(way)

    async def _is_open(self, way: Way) -> None:
        while way in self._healed:
            await self._healed[way].wait()
