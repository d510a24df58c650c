"""What is made sure of when a Redis is opened: that it can be worked with, and that we may."""

import logging

import anyio
import pytest
from anyio import to_thread
from outage.redis_sites import RedisSite
from outage.sites import TOMORROW

import taskshed
from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.datastores._redis._opening import check_server
from taskshed.datastores._trouble import Trouble
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

NEEDED = ["evalsha", "script|load", "info", "subscribe", "publish", "hsetnx", "hset", "zadd", "zrange", "hscan", "time"]

# What of the keys and channels is allowed, and whether that is enough.
PATTERNS: dict[str, tuple[tuple[str, ...], bool]] = {
    "ours": (("~{taskshed:*", "&{taskshed:*"), True),
    "other keys": (("~{other:*", "&*"), False),
    "only to look at our keys": (("%R~{taskshed:*", "&*"), False),
    "no keys": (("&*",), False),
    "other channels": (("~*", "&{other:*"), False),
    "no channels": (("~*", "resetchannels"), False),
}


@pytest.mark.parametrize(("policy", "warnings"), [("allkeys-lru", 1), ("volatile-ttl", 1), ("noeviction", 0)])
async def test_a_server_that_throws_tasks_away_is_warned_about_once(
    redis_site: RedisSite, caplog: pytest.LogCaptureFixture, policy: str, warnings: int
) -> None:
    await redis_site.execute("CONFIG", "SET", "maxmemory-policy", policy)
    async with AsyncScheduler(redis_site.store()) as scheduler:
        await scheduler.add_task("note", TOMORROW)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * warnings
    assert caplog.text.count(f"maxmemory-policy is {policy}; make it noeviction") == warnings


@pytest.mark.parametrize("version", ["2.8.24", "5.0.14", "6.0.20"])
def test_an_old_server_is_refused(version: str) -> None:
    with pytest.raises(Trouble, match=f"Redis {version} is too old; use Redis 6.2, Valkey or newer") as caught:
        check_server({"redis_version": version}, cluster=False)
    assert caught.value.kind == "format"


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "8.2.1"])
def test_a_newer_server_is_not(version: str) -> None:
    check_server({"redis_version": version}, cluster=False)
    check_server({"redis_version": version, "cluster_enabled": "1"}, cluster=True)


async def test_a_node_of_a_cluster_wants_to_be_called_one(valkey_cluster_url: str) -> None:
    datastore = RedisDataStore(RedisConfig(url=valkey_cluster_url))
    with pytest.raises(taskshed.DatastoreFormatError, match=r"is a node of a cluster; say RedisConfig\(cluster=True"):
        await datastore.start()


async def test_a_server_by_itself_is_no_cluster(redis_site: RedisSite) -> None:
    for username, error, reason in (
        ("ada", taskshed.DatastoreFormatError, "the server is no node of a cluster; leave cluster=True out"),
        ("nobody", taskshed.DatastoreError, "WRONGPASS"),
    ):
        datastore = redis_site.store(url=redis_site.url_with(username=username), cluster=True)
        with pytest.raises(error, match=f"{redis_site.server.port}: {reason}"):
            await datastore.start()
    await to_thread.run_sync(redis_site.server.stop)
    with pytest.raises(taskshed.DatastoreUnavailableError, match=f"{redis_site.server.port}: .* connecting"):
        await redis_site.store(cluster=True).start()


@pytest.mark.parametrize("command", NEEDED)
async def test_a_user_who_may_not_use_a_command_is_told_at_once(redis_site: RedisSite, command: str) -> None:
    redis_site.add_user("guest", "~*", "&*", "+@all", f"-{command}")
    await is_refused(redis_site)


@pytest.mark.parametrize("what", PATTERNS)
async def test_a_user_who_may_not_use_our_keys_and_channels_is_told_at_once(redis_site: RedisSite, what: str) -> None:
    rules, is_enough = PATTERNS[what]
    redis_site.add_user("guest", "resetchannels", *rules, "+@all")
    if is_enough:
        async with AsyncScheduler(redis_site.store(url=redis_site.url_with(username="guest"))) as scheduler:
            await scheduler.add_task("note", TOMORROW)
    else:
        await is_refused(redis_site)


async def is_refused(redis_site: RedisSite) -> None:
    """See that the guest cannot open a store, and learns why."""
    datastore = redis_site.store(url=redis_site.url_with(username="guest"))
    with anyio.fail_after(3), pytest.raises(taskshed.DatastoreError, match=f"{redis_site.place}: NOPERM ") as caught:
        await datastore.start()
    assert type(caught.value) is taskshed.DatastoreError
