"""A master is lost, and Sentinels make its replica the master: callers and workers follow it."""

import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from anyio import to_thread
from outage.sites import comes_true
from redis_store.work import Caller, Work, key
from servers._redis import RedisServer
from servers._redis_sentinel import SentinelGroup

from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)
SOON = 5  # seconds, on a busy machine too; the pauses between attempts are 1 s at most

logger = logging.getLogger(__name__)


@pytest.fixture
def config(private_sentinel: SentinelGroup) -> RedisConfig:
    """It looks for changes hardly ever by itself."""
    return RedisConfig(
        sentinels=private_sentinel.sentinels,
        sentinel_service=private_sentinel.service_name,
        poll_interval=timedelta(hours=1),
        timeout=timedelta(seconds=5),
    )


@pytest.fixture
async def another(config: RedisConfig) -> AsyncIterator[AsyncScheduler]:
    async with AsyncScheduler(RedisDataStore(config)) as scheduler:
        yield scheduler


async def knows(server: RedisServer, task_id: str) -> None:
    """Wait until a server has a task."""

    async def is_so() -> bool:
        return bool(await to_thread.run_sync(server.execute, "HEXISTS", key("taskshed", "body"), task_id))

    await comes_true(is_so)


async def lose_master(group: SentinelGroup) -> float:
    """Kill the master; returns when a sentinel says that the replica has taken its place, up to 1 s after it has."""

    async def replica_is_named() -> bool:
        return await to_thread.run_sync(group.named_masters) & {group.replica.port} != set()

    await to_thread.run_sync(group.master.kill)
    await comes_true(replica_is_named)
    return time.monotonic()


async def test_all_follow_the_new_master(
    private_sentinel: SentinelGroup, config: RedisConfig, another: AsyncScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    work, datastore = Work(), RedisDataStore(config)
    async with AsyncScheduler(datastore, EventDrivenWorker(work.callbacks, datastore)) as scheduler:
        await scheduler.add_task("note", datetime.now(UTC) + timedelta(seconds=1), task_id="due meanwhile")
        await scheduler.add_task("note", TOMORROW, task_id="kept")
        await knows(private_sentinel.replica, "kept")
        caller, elsewhere = Caller(scheduler), Caller(another)
        async with anyio.create_task_group() as calls:
            calls.start_soon(caller.call_until_told)
            calls.start_soon(elsewhere.call_until_told)
            back = await lose_master(private_sentinel)
            await work.done("due meanwhile")
            delays = [work.runs["due meanwhile"][0] - back]
            delays += [await each.succeeded_after(back) - back for each in (caller, elsewhere)]
            caller.stop()
            elsewhere.stop()
        logger.info("After the failover: a task ran after %.3f s, calls were answered after %.3f s and %.3f s", *delays)
        assert max(delays) < SOON
        assert caller.failures
        await caller.has_told_the_truth(back)
        await elsewhere.has_told_the_truth(back)
        assert len(await another.fetch_tasks(task_ids=["kept"])) == 1
        await work.settled(another, "due meanwhile")

        async def is_listening() -> bool:
            return "Changes made elsewhere are noticed again" in [record.getMessage() for record in caplog.records]

        await comes_true(is_listening, seconds=max(0.1, back + SOON - time.monotonic()))
        added = time.monotonic()
        await another.add_task("note", task_id="noticed")
        await work.done("noticed", seconds=SOON)
        assert work.runs["noticed"][0] - added < SOON
        await work.settled(another, "noticed")
    assert work.counts() == {"due meanwhile": 1, "noticed": 1}


async def test_a_master_that_is_none_any_more_is_told_nothing(
    private_sentinel: SentinelGroup, config: RedisConfig, another: AsyncScheduler
) -> None:
    group, body = private_sentinel, key("taskshed", "body")
    await another.add_task("note", TOMORROW, task_id="kept")
    await knows(group.replica, "kept")
    await lose_master(group)
    caller = Caller(another)
    await caller.call_until_answered()
    await to_thread.run_sync(group.master.start)
    async with AsyncScheduler(RedisDataStore(config)) as newcomer:
        for number in range(20):
            for scheduler in (another, newcomer):
                await scheduler.add_task("note", TOMORROW, task_id=f"{number} of {id(scheduler)}")
        assert (await to_thread.run_sync(group.master.execute, "ROLE"))[0] == "master"  # as far as it knows
        assert await to_thread.run_sync(group.master.execute, "HKEYS", body) == ["kept"]
        assert await to_thread.run_sync(group.replica.execute, "HLEN", body) == 41 + len(caller.answered)
