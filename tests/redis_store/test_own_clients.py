"""A client of the user's own tells how to connect; it is never closed, and what it is set to stays its own.

On trio nobody can use such a client, so there it is only asked.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis_store.test_ways_in import nothing_is_open, serves, sockets
from servers._redis import RedisServer
from servers._redis_sentinel import SentinelGroup

from taskshed._loops import on_trio
from taskshed.datastores import RedisConfig, RedisDataStore

pytestmark = pytest.mark.anyio


def of_one_connection(server: RedisServer) -> Redis:
    return Redis(connection_pool=BlockingConnectionPool(max_connections=1, timeout=1, port=server.port))


CLIENTS: dict[str, Callable[[RedisServer], Redis]] = {
    "plain": lambda server: Redis(port=server.port),
    "of text": lambda server: Redis(port=server.port, decode_responses=True),
    "protocol 2": lambda server: Redis(port=server.port, protocol=2),
    "protocol 3": lambda server: Redis(port=server.port, protocol=3),
    "protocol 3 of text": lambda server: Redis(port=server.port, protocol=3, decode_responses=True),
    "that tries again": lambda server: Redis(port=server.port, retry=Retry(ConstantBackoff(1), 5)),
    "with checks": lambda server: Redis(port=server.port, health_check_interval=1, socket_timeout=1),
    "of one connection": of_one_connection,
    "by URL": lambda server: Redis.from_url(server.url),
    "by socket": lambda server: Redis.from_url(server.socket_url),
}


def store_of(client: Redis | RedisCluster) -> RedisDataStore:
    return RedisDataStore(RedisConfig(client=client, key_prefix=f"t{uuid4().hex}"))


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
async def test_a_client_is_asked_how_to_connect(
    valkey_server: RedisServer, make: Callable[[RedisServer], Redis]
) -> None:
    before, client = sockets(), make(valkey_server)
    settings = dict(client.connection_pool.connection_kwargs)
    connection = None if on_trio() else await client.client_id()
    await serves(store_of(client))
    assert client.connection_pool.connection_kwargs == settings
    if not on_trio():
        assert await client.client_id() == connection
        await client.connection_pool.disconnect()
    await nothing_is_open(before)


async def test_a_store_takes_a_client_as_it_takes_a_configuration(start_valkey: Callable[[], RedisServer]) -> None:
    before = sockets()
    await serves(RedisDataStore(Redis(port=start_valkey().port)))
    await nothing_is_open(before)


async def test_a_client_that_sentinels_tell_where_the_master_is(private_sentinel: SentinelGroup) -> None:
    before = sockets()
    sentinel = Sentinel(private_sentinel.sentinels)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(private_sentinel.service_name)
    connection = None if on_trio() else await client.client_id()
    await serves(store_of(client))
    if not on_trio():
        assert await client.client_id() == connection
        await client.aclose()
        for known in sentinel.sentinels:
            assert await known.ping()
            await known.aclose()
    await nothing_is_open(before)


async def test_a_client_of_a_cluster(valkey_cluster_url: str) -> None:
    before = sockets()
    address: Any = urlsplit(valkey_cluster_url)
    client = RedisCluster(host=address.hostname, port=address.port, decode_responses=True)
    own = set() if on_trio() else await connections(client)
    await serves(store_of(client))
    if not on_trio():
        assert len(await connections(client)) == len(own) == 3
        await client.aclose()
    await nothing_is_open(before)


async def connections(client: RedisCluster) -> set[Any]:
    """The client's connections, as the nodes call them; it makes new ones whenever it has found nodes again."""
    answers = await client.execute_command("CLIENT ID", target_nodes=RedisCluster.ALL_NODES)
    return set(answers.items())
