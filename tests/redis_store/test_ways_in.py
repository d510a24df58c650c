"""Every way to reach a server: the store opens, keeps a task, runs one, and leaves nothing open."""

import gc
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
from outage.sites import comes_true
from redis import Redis as SyncRedis
from redis_store.work import Work
from servers._redis import RedisServer
from servers._redis_sentinel import SentinelGroup
from servers._redis_tls import TLSRedisServer
from servers.redis_fixtures import StartServer

import taskshed
from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

PASSWORD = "s3cret /pa55@"
QUOTED = quote(PASSWORD, safe="")
TOMORROW = datetime.now(UTC) + timedelta(days=1)
HOST = "127.0.0.1"

Way = Callable[[pytest.FixtureRequest], dict[str, Any]]


def valkey(request: pytest.FixtureRequest) -> RedisServer:
    server: RedisServer = request.getfixturevalue("valkey_server")
    return server


def started(request: pytest.FixtureRequest, *arguments: str) -> RedisServer:
    start: StartServer = request.getfixturevalue("start_valkey")
    return start(*arguments)


def with_ada(request: pytest.FixtureRequest) -> RedisServer:
    """A server that knows nobody but ada."""
    server = started(request)
    server.execute("ACL", "SETUSER", "ada", "on", f">{PASSWORD}", "allkeys", "allchannels", "allcommands")
    server.execute("ACL", "SETUSER", "default", "off")
    return server


def with_password(request: pytest.FixtureRequest) -> RedisServer:
    return started(request, "--requirepass", PASSWORD)


def by_password(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"host": HOST, "port": with_password(request).port, "password": PASSWORD, "db": 3}


def by_ada(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"host": HOST, "port": with_ada(request).port, "username": "ada", "password": PASSWORD}


def by_socket(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"unix_socket_path": urlsplit(valkey(request).socket_url).path}


def by_tls(request: pytest.FixtureRequest) -> dict[str, Any]:
    server: TLSRedisServer = request.getfixturevalue("tls_redis")
    return {"host": HOST, "port": server.port, "ssl": True, **certificates(server)}


def by_tls_url(request: pytest.FixtureRequest) -> dict[str, Any]:
    server: TLSRedisServer = request.getfixturevalue("tls_redis")
    return {"url": f"{server.url}?" + "&".join(f"{name}={path}" for name, path in certificates(server).items())}


def certificates(server: TLSRedisServer) -> dict[str, str]:
    files = {"ssl_ca_certs": server.ca, "ssl_certfile": server.client_cert, "ssl_keyfile": server.client_key}
    return {name: str(path) for name, path in files.items()}


def by_sentinels(request: pytest.FixtureRequest) -> dict[str, Any]:
    group: SentinelGroup = request.getfixturevalue("private_sentinel")
    return {"sentinels": group.sentinels, "sentinel_service": group.service_name}


def by_cluster(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"host": HOST, "port": urlsplit(request.getfixturevalue("valkey_cluster_url")).port, "cluster": True}


WAYS: dict[str, Way] = {
    "host and port": lambda request: {"host": HOST, "port": valkey(request).port},
    "database": lambda request: {"host": HOST, "port": valkey(request).port, "db": 3},
    "password": by_password,
    "URL": lambda request: {"url": valkey(request).url},
    "URL with password": lambda request: {"url": f"redis://:{QUOTED}@{HOST}:{with_password(request).port}/3"},
    "user": by_ada,
    "URL with user": lambda request: {"url": f"redis://ada:{QUOTED}@{HOST}:{with_ada(request).port}"},
    "socket": by_socket,
    "URL of a socket": lambda request: {"url": valkey(request).socket_url},
    "URL of a socket with database": lambda request: {"url": f"{valkey(request).socket_url}?db=3"},
    "TLS": by_tls,
    "URL with TLS": by_tls_url,
    "Sentinels": by_sentinels,
    "cluster": by_cluster,
    "URL of a cluster": lambda request: {"url": request.getfixturevalue("valkey_cluster_url"), "cluster": True},
}


def sockets() -> int:
    """How many this process has open."""
    found = 0
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - descriptors, not files
        try:
            found += stat.S_ISSOCK(os.fstat(int(name)).st_mode)
        except OSError:  # the one that the folder was read with
            continue
    return found


async def nothing_is_open(before: int) -> None:
    """Wait until as many sockets are open as before: asyncio closes them a moment after it was told to."""

    async def is_so() -> bool:
        return sockets() == before

    await comes_true(is_so, seconds=5)
    gc.collect()  # what was forgotten says so


async def serves(datastore: RedisDataStore) -> None:
    """See that a store and a worker do what they are there for."""
    work = Work()
    async with AsyncScheduler(datastore, EventDrivenWorker(work.callbacks, datastore)) as scheduler:
        kept = await scheduler.add_task("note", TOMORROW, task_id="kept", group_id="group")
        await scheduler.add_task("note", task_id="run")
        await work.done("run")

        async def is_settled() -> bool:
            return await scheduler.fetch_tasks(task_ids=["run"]) == []

        await comes_true(is_settled)
        assert await scheduler.fetch_tasks(group_id="group") == [kept]
        await scheduler.remove_all_tasks()
    assert work.counts() == {"run": 1}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_way_in(request: pytest.FixtureRequest, way: Way) -> None:
    before = sockets()
    await serves(RedisDataStore(RedisConfig(key_prefix=f"t{uuid4().hex}", **way(request))))
    await nothing_is_open(before)


@pytest.mark.parametrize("way", [WAYS["database"], lambda request: {"url": valkey(request).url[:-1] + "3"}])
async def test_the_database_is_the_one_that_was_named(valkey_server: RedisServer, request: Any, way: Way) -> None:
    prefix = f"t{uuid4().hex}"
    async with RedisDataStore(RedisConfig(key_prefix=prefix, **way(request))):
        pass
    for db, found in ((0, 0), (3, 1)):
        with SyncRedis(host=HOST, port=valkey_server.port, db=db) as client:
            assert client.exists(f"{{{prefix}:0}}:meta") == found


@pytest.mark.parametrize("scheme", ["redis", "unix"])
async def test_the_front_door_takes_urls(start_valkey: StartServer, scheme: str) -> None:
    server, work, before = start_valkey(), Work(), sockets()
    url = server.url if scheme == "redis" else server.socket_url
    async with taskshed.open_scheduler(url, callback_map=work.callbacks) as scheduler:
        await scheduler.add_task("note", task_id="run")
        await work.done("run")
    await nothing_is_open(before)
