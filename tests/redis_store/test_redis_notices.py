"""What Redis tells other processes: once for each batch that brings something earlier than anything was."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from redis.asyncio import Redis
from redis_store.work import key
from redis_stores import own_prefix

from taskshed import Task, TaskExecutionTime, open_scheduler
from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

Told = Callable[[], Awaitable[list[datetime]]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOON = datetime.now(UTC) + 12 * HOUR
MARK = b"mark"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # of what is told, nothing depends on it


@pytest.fixture
def config(valkey_url: str) -> RedisConfig:
    return own_prefix(valkey_url)


@pytest.fixture
async def scheduler(config: RedisConfig) -> AsyncIterator[AsyncScheduler]:
    async with open_scheduler(RedisDataStore(config)) as scheduler:
        yield scheduler


@pytest.fixture
async def told(config: RedisConfig, scheduler: AsyncScheduler) -> AsyncIterator[Told]:
    """What somebody else who subscribed has been told since they last asked."""
    assert config.url is not None
    channel = key(config.key_prefix, "notices")
    async with Redis.from_url(config.url) as client, client.pubsub(ignore_subscribe_messages=True) as line:
        await line.subscribe(channel)

        async def since() -> list[datetime]:
            await client.publish(channel, MARK)  # what was said before is heard before
            payloads: list[bytes] = []
            with anyio.fail_after(20):
                async for message in line.listen():
                    if message["data"] == MARK:
                        break
                    payloads.append(message["data"])
            return [EPOCH + timedelta(microseconds=int(payload.split()[0])) for payload in payloads]

        await since()
        yield since


async def test_a_batch_is_told_once(scheduler: AsyncScheduler, told: Told) -> None:
    await scheduler.add_tasks(Task(callback="ring", run_at=NOON - number * HOUR / 1000) for number in range(150))
    assert await told() == [NOON - 149 * HOUR / 1000]


async def test_what_is_merged_into_one_batch_is_told_once(scheduler: AsyncScheduler, told: Told) -> None:
    # Each is earlier than the one before, so that by itself it would be told.
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(scheduler.add_task, "ring", NOON - number * HOUR)
    assert await told() == [NOON - 9 * HOUR]


async def test_what_is_due_after_a_waiting_task_is_not_told(scheduler: AsyncScheduler, told: Told) -> None:
    await scheduler.add_task("ring", NOON)
    assert await told() == [NOON]
    await scheduler.add_tasks(Task(callback="ring", run_at=NOON + number * HOUR) for number in range(1, 100))
    assert await told() == []


async def test_what_is_due_before_all_others_is_told(scheduler: AsyncScheduler, told: Told) -> None:
    await scheduler.add_task("ring", NOON)
    await scheduler.add_task("ring", NOON - HOUR)
    assert await told() == [NOON, NOON - HOUR]


async def test_a_move_to_an_earlier_time_is_told_and_one_to_a_later_time_is_not(
    scheduler: AsyncScheduler, told: Told
) -> None:
    await scheduler.add_task("ring", NOON)
    moved = await scheduler.add_task("ring", NOON + HOUR)
    await told()
    for run_at, expected in [(NOON + 2 * HOUR, []), (NOON - HOUR, [NOON - HOUR]), (NOON + HOUR, [])]:
        await scheduler.update_execution_times(tasks=[TaskExecutionTime(task_id=moved.task_id, run_at=run_at)])
        assert await told() == expected


async def test_what_is_resumed_is_told_if_it_is_due_before_all_others(scheduler: AsyncScheduler, told: Told) -> None:
    await scheduler.add_task("ring", NOON)
    early = await scheduler.add_task("ring", NOON - HOUR, paused=True)
    late = await scheduler.add_task("ring", NOON + HOUR, paused=True)
    assert await told() == [NOON]
    await scheduler.resume_tasks(task_ids=[late.task_id])
    assert await told() == []
    await scheduler.resume_tasks(task_ids=[early.task_id])
    assert await told() == [NOON - HOUR]


async def test_what_makes_nothing_due_earlier_is_not_told(scheduler: AsyncScheduler, told: Told) -> None:
    await scheduler.add_task("ring", NOON, task_id="a")
    await told()
    await scheduler.pause_tasks(task_ids=["a"])
    await scheduler.remove_all_tasks()
    assert await told() == []
