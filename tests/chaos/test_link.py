"""The network that the chaos makes fail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.lowlevel import checkpoint
from chaos.link import Link

pytestmark = pytest.mark.anyio

LONG = 10.0  # seconds; nothing takes so long
SOME_TIME = 0.05  # seconds, enough for whatever is not blocked


class Server:
    """Answers each piece with the same in capitals.

    Attributes:
        heard: all that it was told.
    """

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, client: SocketStream) -> None:
        async with client:
            async for text in client:
                self.heard += text
                await client.send(text.upper())


@asynccontextmanager
async def a_link() -> AsyncIterator[tuple[Link, Server]]:
    server = Server()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    link = Link(listener.extra(SocketAttribute.local_port))
    async with listener, anyio.create_task_group() as tasks, link.running():
        tasks.start_soon(listener.serve, server.serve)
        with anyio.fail_after(LONG):
            yield link, server
        tasks.cancel_scope.cancel()


async def hears(client: SocketStream) -> bytes | None:
    """What comes within some time."""
    with anyio.move_on_after(SOME_TIME):
        return await client.receive()
    return None


async def test_it_passes_on_what_is_said() -> None:
    async with a_link() as (link, _), await anyio.connect_tcp("127.0.0.1", link.port) as client:
        await client.send(b"hello")
        assert await client.receive() == b"HELLO"


async def test_a_partition_keeps_all_until_it_has_healed() -> None:
    async with a_link() as (link, server), await anyio.connect_tcp("127.0.0.1", link.port) as client:
        with link.blocked("up", "down"):
            await client.send(b"hello")
            assert await hears(client) is None
            assert server.heard == b""
        assert await client.receive() == b"HELLO"


async def test_a_half_open_link_passes_one_way() -> None:
    async with a_link() as (link, server), await anyio.connect_tcp("127.0.0.1", link.port) as client:
        with link.blocked("down"):
            await client.send(b"hello")
            while not server.heard:
                await checkpoint()
            assert await hears(client) is None
        assert await client.receive() == b"HELLO"


async def test_who_connects_to_a_blocked_link_hears_nothing_until_it_has_healed() -> None:
    async with a_link() as (link, _):
        with link.blocked("up", "down"):
            client = await anyio.connect_tcp("127.0.0.1", link.port)
            await client.send(b"hello")
            assert await hears(client) is None
        async with client:
            assert await client.receive() == b"HELLO"


async def test_the_end_of_a_connection_does_not_get_through_either() -> None:
    async with a_link() as (link, server):
        client = await anyio.connect_tcp("127.0.0.1", link.port)
        async with await anyio.connect_tcp("127.0.0.1", link.port) as other:
            with link.blocked("up"):
                await client.send(b"goodbye")
                await client.aclose()
                assert await hears(other) is None
                assert server.heard == b""
            while server.heard != b"goodbye":
                await checkpoint()


async def test_what_is_cut_is_gone() -> None:
    async with a_link() as (link, server), await anyio.connect_tcp("127.0.0.1", link.port) as client:
        with link.blocked("up"):
            await client.send(b"hello")
            assert await hears(client) is None
            link.cut()
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await client.receive()
        async with await anyio.connect_tcp("127.0.0.1", link.port) as another:
            await another.send(b"again")
            assert await another.receive() == b"AGAIN"
        assert server.heard == b"again"


async def test_a_slow_link_takes_its_time() -> None:
    async with a_link() as (link, _), await anyio.connect_tcp("127.0.0.1", link.port) as client:
        link.delay, link.rate = 0.05, 100
        sent = anyio.current_time()
        await client.send(b"hello")
        assert await client.receive() == b"HELLO"
        assert anyio.current_time() - sent >= 2 * (0.05 + 5 / 100)


async def test_who_connects_while_the_server_is_down_is_hung_up_on() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    link = Link(listener.extra(SocketAttribute.local_port))
    await listener.aclose()
    async with link.running():
        with anyio.fail_after(LONG):
            async with await anyio.connect_tcp("127.0.0.1", link.port) as client:
                with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                    await client.receive()
