from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from outage.kinds import MariaDBSite, PostgresSite
from outage.redis_sites import RedisSite
from outage.sites import Site
from outage.sql_sites import SQLSite
from servers._redis import RedisServer
from servers._run import private_server

POSTGRES: tuple[str, Callable[[Any], Site]] = ("private_postgres", PostgresSite)
MARIADB: tuple[str, Callable[[Any], Site]] = ("private_mariadb", MariaDBSite)
VALKEY: tuple[str, Callable[[Any], Site]] = ("private_valkey", RedisSite)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Not uvloop: outages take their time, and are about what asyncio and trio do differently."""
    backend: str = request.param
    return backend


def made(request: pytest.FixtureRequest) -> Any:
    server, make = request.param
    return make(request.getfixturevalue(server))


@pytest.fixture(params=[POSTGRES, MARIADB, VALKEY], ids=["postgresql", "mariadb", "valkey"])
def site(request: pytest.FixtureRequest) -> Site:
    """A server of the test's own."""
    site: Site = made(request)
    return site


@pytest.fixture(params=[POSTGRES, MARIADB], ids=["postgresql", "mariadb"])
def sql_site(request: pytest.FixtureRequest) -> SQLSite:
    """A database server of the test's own."""
    site: SQLSite = made(request)
    return site


@pytest.fixture(params=[POSTGRES, VALKEY], ids=["postgresql", "valkey"])
def telling_site(request: pytest.FixtureRequest) -> Site:
    """A server of the test's own that tells listeners of what others change."""
    site: Site = made(request)
    return site


@pytest.fixture
def redis_site(private_valkey: RedisServer) -> RedisSite:
    """A Valkey of the test's own, which keeps what it answered."""
    return RedisSite(private_valkey)


@pytest.fixture(params=["valkey_binary", "machine_redis_binary"], ids=["valkey", "redis"])
def any_redis_site(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[RedisSite]:
    """A Valkey or the machine's Redis, of the test's own, which forgets all when it ends."""
    make = partial(RedisServer, request.getfixturevalue(request.param))
    with private_server(servers_folder, "redis", make) as server:
        yield RedisSite(server)
