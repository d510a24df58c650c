"""Tasks spread over shards: how many is fixed at first use, and all together they are as one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis_store.work import key, shards_of
from redis_stores import a_redis_store, own_prefix

from taskshed._clock import to_micros
from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.datastores.commands import Claim, Everything, InGroup
from taskshed.errors import DatastoreFormatError
from taskshed.models import Task
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
HOUR = 3_600_000_000
BIG = 1_500


@pytest.fixture
def server(valkey_url: str) -> Iterator[Any]:
    with Redis.from_url(valkey_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def cluster(valkey_cluster_url: str) -> Iterator[Any]:
    address: Any = urlsplit(valkey_cluster_url)
    with RedisCluster(host=address.hostname, port=address.port, decode_responses=True) as client:
        yield client


async def number_of_shards(client: Any, config: RedisConfig) -> str:
    """What is kept of it when a store has been opened."""
    async with RedisDataStore(config):
        return str(client.hget(key(config.key_prefix, "meta"), "shards"))


async def test_there_is_one_shard_on_a_server(valkey_url: str, server: Any) -> None:
    assert await number_of_shards(server, own_prefix(valkey_url)) == "1"


async def test_there_are_eight_shards_on_a_cluster(valkey_cluster_url: str, cluster: Any) -> None:
    assert await number_of_shards(cluster, own_prefix(valkey_cluster_url, cluster=True)) == "8"


async def test_the_number_of_shards_is_fixed(valkey_url: str, server: Any) -> None:
    config = own_prefix(valkey_url, shards=5)
    assert await number_of_shards(server, config) == "5"
    refusal = f"{config.key_prefix!r} has 5 shards, not 3; that is fixed when it is first used"
    other = own_prefix(valkey_url, key_prefix=config.key_prefix, shards=3)
    with pytest.raises(DatastoreFormatError, match=refusal):
        await number_of_shards(server, other)
    as_it_is = own_prefix(valkey_url, key_prefix=config.key_prefix)
    assert await number_of_shards(server, as_it_is) == "5"
    adding, looking = AsyncScheduler(RedisDataStore(config)), AsyncScheduler(RedisDataStore(as_it_is))
    async with adding, looking:
        ids = [(await adding.add_task("note", TOMORROW)).task_id for _ in range(20)]
        assert [task.task_id for task in await looking.fetch_tasks(task_ids=ids)] == ids


@pytest.mark.parametrize(
    ("field", "value"), [("format", "2"), ("format", "one"), ("format", ""), ("shards", "many"), ("shards", "")]
)
async def test_what_another_version_has_written_is_refused(
    valkey_url: str, server: Any, field: str, value: str
) -> None:
    config = own_prefix(valkey_url)
    await number_of_shards(server, config)
    meta = key(config.key_prefix, "meta")
    server.hset(meta, field, value)
    with pytest.raises(DatastoreFormatError, match="is not of this TaskShed but of another, perhaps a newer one"):
        await number_of_shards(server, config)
    assert server.hget(meta, field) == value


@pytest.mark.parametrize("shards", [0, 1025, -1])
async def test_a_number_of_shards_that_cannot_be_is_refused(valkey_url: str, server: Any, shards: int) -> None:
    config = own_prefix(valkey_url)
    await number_of_shards(server, config)
    server.hset(key(config.key_prefix, "meta"), "shards", shards)
    with pytest.raises(DatastoreFormatError, match="is not of this TaskShed but of another"):
        await number_of_shards(server, config)


async def test_shards_give_what_is_due_first_in_all(valkey_url: str) -> None:
    tasks = [Task(callback="note", run_at=LONG_AGO + timedelta(seconds=number * 7 % 300)) for number in range(300)]
    expected = [task.task_id for task in sorted(tasks, key=lambda task: task.run_at)]
    async with a_redis_store(valkey_url, shards=5) as datastore, AsyncScheduler(datastore) as scheduler:
        await scheduler.add_tasks(tasks)
        claimed = []
        for limit, left in ((1, 299), (7, 292), (92, 200), (150, 50), (500, 0)):
            answer = await datastore.ask(Claim(limit=limit, lease=HOUR))
            claimed += [record.task_id for record in answer.records]
            assert claimed == expected[: len(claimed)]
            assert len(claimed) == 300 - left
            next_run = LONG_AGO + timedelta(seconds=len(claimed))
            assert answer.next_due == (to_micros(next_run) if left else answer.next_due)
        assert (await datastore.ask(Claim(limit=1, lease=HOUR))).records == ()


async def test_a_big_group_is_changed_in_all_shards(valkey_url: str) -> None:
    async with a_redis_store(valkey_url, shards=5) as datastore, AsyncScheduler(datastore) as scheduler:
        first = LONG_AGO + timedelta(seconds=5)
        big = [Task(callback="note", run_at=first, group_id="big") for _ in range(BIG)]
        others = [Task(callback="note", run_at=TOMORROW, group_id=group) for group in ("small", None) for _ in range(9)]
        await scheduler.add_tasks([*big, *others])
        ids = {task.task_id for task in big}
        await scheduler.pause_tasks(group_id="big")
        found = await scheduler.fetch_tasks(group_id="big")
        assert {task.task_id for task in found if task.paused} == ids
        assert (await datastore.ask(Claim(limit=10, lease=HOUR))).records == ()
        await scheduler.resume_tasks(group_id="big")
        assert sorted(await scheduler.fetch_tasks(group_id="big"), key=by_id) == sorted(big, key=by_id)
        await scheduler.remove_tasks(group_id="big")
        assert await scheduler.fetch_tasks(group_id="big") == []
        assert sorted(await datastore.fetch(Everything()), key=by_id) == sorted(others, key=by_id)
        assert sorted(await datastore.fetch(InGroup("small")), key=by_id) == sorted(others[:9], key=by_id)


def by_id(task: Task) -> str:
    return task.task_id


async def test_tasks_are_spread_over_the_nodes_of_a_cluster(valkey_cluster_url: str, cluster: Any) -> None:
    config = own_prefix(valkey_cluster_url, cluster=True)
    async with RedisDataStore(config) as datastore, AsyncScheduler(datastore) as scheduler:
        tasks = [Task(callback="note", run_at=LONG_AGO, group_id=f"group {n % 3}", paused=n > 50) for n in range(200)]
        await scheduler.add_tasks(tasks)
        await datastore.ask(Claim(limit=20, lease=HOUR))
        found: dict[str, set[str]] = {}
        for node in cluster.get_primaries():
            found[node.name] = set(cluster.keys(f"*{config.key_prefix}*", target_nodes=node))
        shards = [shards_of(keys, config.key_prefix) for keys in found.values()]
        assert all(shards)
        assert sorted(shard for some in shards for shard in some) == list(range(8))
        kinds = {name.partition("}:")[2].partition(":")[0] for keys in found.values() for name in keys}
        assert kinds == {"meta", "due", "body", "state", "token", "group"}
        bodies = [cluster.hlen(key(config.key_prefix, "body", shard)) for shard in range(8)]
        assert sum(bodies) == 200
        assert min(bodies) > 0


@pytest.mark.parametrize("fixture", ["valkey_url", "valkey_cluster_url"])
async def test_removing_everything_leaves_others_alone(request: pytest.FixtureRequest, fixture: str) -> None:
    url, on_cluster = request.getfixturevalue(fixture), fixture == "valkey_cluster_url"
    client = request.getfixturevalue("cluster" if on_cluster else "server")
    config = own_prefix(url, cluster=on_cluster, shards=5)
    # Its keys begin like those of the other, as far as a prefix without braces can.
    other = own_prefix(url, cluster=on_cluster, shards=5, key_prefix=f"{config.key_prefix}:0")
    one, two = RedisDataStore(config), RedisDataStore(other)
    async with AsyncScheduler(one) as emptied, AsyncScheduler(two) as kept:
        for scheduler in (emptied, kept):
            await scheduler.add_tasks(Task(callback="note", run_at=LONG_AGO, group_id="g") for _ in range(50))
            await scheduler.add_tasks(Task(callback="note", run_at=LONG_AGO, paused=True) for _ in range(50))
        assert len((await one.ask(Claim(limit=20, lease=HOUR))).records) == 20
        await emptied.remove_all_tasks()
        assert await one.fetch(Everything()) == []
        assert len(await two.fetch(Everything())) == 100
        where = {"target_nodes": RedisCluster.PRIMARIES} if on_cluster else {}
        assert client.keys(f"{{{config.key_prefix}:?}}:*", **where) == [key(config.key_prefix, "meta")]
