"""Nodes of a cluster are lost and come back, and slots move: callers and workers go on."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from anyio import to_thread
from outage.sites import comes_true
from redis_store.work import Caller, Work, ids_in_all_shards, key, move_slot, owner_of
from servers._redis_cluster import ClusterNode, RedisCluster

from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.datastores._redis._operations import shard_of
from taskshed.models import Task
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

SHARDS = 8
SOON = 5  # seconds, on a busy machine too; the pauses between attempts are 1 s at most
TIMEOUT = 5

logger = logging.getLogger(__name__)


@pytest.fixture
def config(private_cluster: RedisCluster) -> RedisConfig:
    """It looks for changes hardly ever by itself."""
    hour = timedelta(hours=1)
    return RedisConfig(url=private_cluster.url, cluster=True, poll_interval=hour, timeout=timedelta(seconds=TIMEOUT))


@asynccontextmanager
async def working(config: RedisConfig, work: Work) -> AsyncIterator[AsyncScheduler]:
    datastore = RedisDataStore(config)
    async with AsyncScheduler(datastore, EventDrivenWorker(work.callbacks, datastore)) as scheduler:
        yield scheduler


@pytest.fixture
async def another(config: RedisConfig) -> AsyncIterator[AsyncScheduler]:
    async with AsyncScheduler(RedisDataStore(config)) as scheduler:
        yield scheduler


def position(node: ClusterNode, role: str) -> int:
    """How far it is in what a master and its replica have in common."""
    return int(node.execute("INFO", "replication")[f"{role}_repl_offset"])


async def in_thread_comes_true(condition: Callable[[], bool]) -> None:
    async def is_so() -> bool:
        return await to_thread.run_sync(condition)

    await comes_true(is_so)


async def a_task_in_each_shard(scheduler: AsyncScheduler, name: str, run_at: datetime | None = None) -> list[str]:
    ids = ids_in_all_shards(name, SHARDS)
    at = run_at or datetime.now(UTC)
    await scheduler.add_tasks(Task(callback="note", run_at=at, task_id=task_id) for task_id in ids)
    return ids


async def is_noticed(scheduler: AsyncScheduler, work: Work, caplog: pytest.LogCaptureFixture) -> None:
    """See that a task in each shard is noticed at once that is added elsewhere."""

    def said(text: str) -> int:
        return sum(text in record.getMessage() for record in caplog.records)

    async def all_listen() -> bool:
        return said("noticed again") == said("cannot watch") > 1  # each store says so of its own watch

    await comes_true(all_listen)
    added = time.monotonic()
    ids = await a_task_in_each_shard(scheduler, "noticed")
    await work.done(*ids, seconds=SOON)
    logger.info("What was added elsewhere ran within %.3f s", time.monotonic() - added)


async def test_a_replica_takes_over(
    private_cluster: RedisCluster, config: RedisConfig, another: AsyncScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second, *_, replica = private_cluster.nodes
    work = Work()
    async with working(config, work) as scheduler, anyio.create_task_group() as calls:
        caller = Caller(scheduler, SHARDS)
        meanwhile = await a_task_in_each_shard(scheduler, "due meanwhile", datetime.now(UTC) + timedelta(seconds=1))
        await in_thread_comes_true(lambda: position(first, "master") == position(replica, "slave"))
        calls.start_soon(caller.call_until_told)
        await to_thread.run_sync(first.kill)
        await in_thread_comes_true(lambda: replica.execute("ROLE")[0] == "master")
        await in_thread_comes_true(lambda: replica.is_in_order() and second.is_in_order())
        back = time.monotonic()
        await work.done(*meanwhile)
        delays = [max(work.runs[task_id][0] for task_id in meanwhile) - back, await caller.succeeded_after(back) - back]
        caller.stop()
        logger.info("After the failover: all tasks had run after %.3f s, a call was answered after %.3f s", *delays)
        assert max(delays) < SOON
        assert caller.failures
        await is_noticed(another, work, caplog)
        await caller.has_told_the_truth(back)
    assert set(work.counts().values()) == {1}


async def test_a_node_is_away_that_has_no_replica(
    private_cluster: RedisCluster, config: RedisConfig, another: AsyncScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lost = private_cluster.nodes[1]
    work = Work()
    async with working(config, work) as scheduler, anyio.create_task_group() as calls:
        caller = Caller(scheduler, SHARDS)
        meanwhile = await a_task_in_each_shard(scheduler, "due meanwhile", datetime.now(UTC) + timedelta(seconds=1))
        await to_thread.run_sync(lost.kill)
        calls.start_soon(caller.call_until_told)
        await in_thread_comes_true(lambda: not private_cluster.nodes[0].is_in_order())
        await to_thread.run_sync(private_cluster.start)
        back = time.monotonic()
        await work.done(*meanwhile)
        delays = [max(work.runs[task_id][0] for task_id in meanwhile) - back, await caller.succeeded_after(back) - back]
        caller.stop()
        logger.info("After the return: all tasks had run after %.3f s, a call was answered after %.3f s", *delays)
        logger.info("%d calls failed, each within %.3f s", len(caller.failures), max(caller.failures))
        assert max(delays) < SOON
        assert max(caller.failures) < TIMEOUT
        await is_noticed(another, work, caplog)
        await caller.has_told_the_truth()
    assert set(work.counts().values()) == {1}


async def test_a_slot_moves_while_all_go_on(
    private_cluster: RedisCluster, config: RedisConfig, another: AsyncScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    work = Work()
    shard, source, target = what_to_move(private_cluster)
    ids = (name for number in range(10**6) if shard_of(name := f"moving {number}", SHARDS) == shard)
    added: list[str] = []
    moved = anyio.Event()

    async def add_until_moved() -> None:
        while not moved.is_set() or len(added) < 10:
            added.append(next(ids))
            group = f"group {len(added) % 3}" if len(added) % 2 else f"group of {len(added)}"
            await another.add_task("note", task_id=added[-1], group_id=group)
            await another.fetch_tasks(group_id="group 1")

    async with working(config, work):
        async with anyio.create_task_group() as calls:
            calls.start_soon(add_until_moved)
            await in_thread_comes_true(lambda: len(added) > 5)
            await to_thread.run_sync(move_slot, private_cluster, key("taskshed", "due", shard), source, target)
            moved.set()
        await work.done(*added)
        await work.settled(another, *added)
        assert work.counts() == dict.fromkeys(added, 1)
        await is_noticed(another, work, caplog)
        groups = await to_thread.run_sync(target.execute, "KEYS", key("taskshed", "group:*", shard))
        assert groups == []
    assert set(work.counts().values()) == {1}


def what_to_move(cluster: RedisCluster) -> tuple[int, ClusterNode, ClusterNode]:
    """A shard, the node that has it, and another."""
    for shard in range(SHARDS):
        source = owner_of(cluster, key("taskshed", "due", shard))
        if source is not cluster.nodes[0]:
            return shard, source, cluster.nodes[0]
    raise AssertionError("one node has all shards")
