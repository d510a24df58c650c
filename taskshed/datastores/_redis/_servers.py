"""Where the shards are, and how to connect to them: a server, the master that Sentinels name, or a cluster."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import anyio
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import SentinelConnectionPool

Make = Callable[[], AbstractConnection]

# What a client's connections do on their own account, and how they answer, is for the client's own commands.
_OURS: dict[str, Any] = {
    "protocol": 2,
    "decode_responses": False,
    "socket_timeout": None,
    "health_check_interval": 0,
    "retry": None,
    "retry_on_error": [],
    "retry_on_timeout": False,
}


class Node(NamedTuple):
    """A server, and how to connect to it."""

    name: str
    make: Make


class Servers(Protocol):
    """The servers of a store.

    Attributes:
        in_doubt: whether something may have moved.
    """

    in_doubt: bool

    async def open(self) -> None:
        """Find them."""
        ...

    async def close(self) -> None:
        """Let go of what is ours."""
        ...

    async def look(self) -> None:
        """Find out where everything is now."""
        ...

    def node(self, key: str) -> Node:
        """The server that has a key."""
        ...


class SingleServer:
    """One server, or whichever is the master; it connects as a client would.

    Args:
        own: whether the client was made by us.
    """

    def __init__(self, client: Redis, *, own: bool) -> None:
        self.in_doubt = False
        self._client = client
        self._own = own

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        if self._own:
            await let_go(self._client)

    async def look(self) -> None:
        self.in_doubt = False  # whoever connects finds out

    def node(self, key: str) -> Node:
        pool = self._client.connection_pool
        return Node("", _maker(pool.connection_class, pool.connection_kwargs))


class Cluster:
    """The nodes of a cluster, as a client of redis-py finds them."""

    def __init__(self, client: RedisCluster, *, own: bool) -> None:
        self.in_doubt = False
        self._turn = anyio.Lock()
        self._client = client
        self._own = own

    async def open(self) -> None:
        await self._client.initialize()

    async def close(self) -> None:
        if self._own:
            await let_go(self._client)

    async def look(self) -> None:
        async with self._turn:  # redis-py 7.0 drops the nodes that another look is asking, and leaves them connected
            await self._client.nodes_manager.initialize()
            self.in_doubt = False

    def node(self, key: str) -> Node:
        found = self._client.get_node_from_key(key)
        if found is None:
            raise ConnectionError("no node of the cluster has the keys")
        return Node(found.name, _maker(found.connection_class, found.connection_kwargs))


async def let_go(client: Redis | RedisCluster) -> None:
    """End the connections by which a client finds its servers; it can be used again."""
    if isinstance(client, RedisCluster):
        await client.aclose()
    elif isinstance(client.connection_pool, SentinelConnectionPool):
        for sentinel in client.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _maker(connection_class: type[AbstractConnection], settings: dict[str, Any]) -> Make:
    kept = {name: value for name, value in settings.items() if not name.startswith("maint_notifications")}
    return lambda: connection_class(**(kept | _OURS))
