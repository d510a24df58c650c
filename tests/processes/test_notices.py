"""What other processes are told: once for each batch that brings something earlier than what they know."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import anyio
import asyncpg  # type: ignore[import-untyped]
import pytest
from databases import own_tables
from redis.asyncio import Redis
from redis_store.work import key
from redis_stores import own_prefix

from taskshed import Task, TaskExecutionTime, open_scheduler
from taskshed.datastores import DataStore, RedisConfig, RedisDataStore, SQLConfig, SQLDataStore
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

Told = Callable[[], Awaitable[list[datetime]]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOON = datetime.now(UTC) + 12 * HOUR
MARK = "mark"


class Channel(NamedTuple):
    """Somebody else's connection to where notices are said; what it says itself it hears too, and in order."""

    say: Callable[[str], Awaitable[Any]]
    hear: Callable[[], Awaitable[str]]


@asynccontextmanager
async def channel_of_postgresql(config: SQLConfig) -> AsyncIterator[Channel]:
    connection = await asyncpg.connect(str(config.url))
    name = f"public.{config.table_prefix}"
    speak, heard = anyio.create_memory_object_stream[str](math.inf)
    await connection.add_listener(name, lambda *event: speak.send_nowait(event[-1]))
    with speak, heard:
        yield Channel(lambda text: connection.execute("SELECT pg_notify($1, $2)", name, text), heard.receive)
    await connection.close()


@asynccontextmanager
async def channel_of_redis(config: RedisConfig) -> AsyncIterator[Channel]:
    assert config.url is not None
    name = key(config.key_prefix, "notices")
    async with Redis.from_url(config.url, decode_responses=True) as client, client.pubsub() as line:
        await line.subscribe(name)
        events = line.listen()
        assert (await anext(events))["type"] == "subscribe"

        async def hear() -> str:
            return str((await anext(events))["data"])

        yield Channel(lambda text: client.publish(name, text), hear)


class Kind(NamedTuple):
    """A store that tells other processes.

    Attributes:
        batch: how many tasks can be added in one.
    """

    server: str
    configure: Callable[[str], Any]
    store: Callable[[Any], DataStore]
    channel: Callable[[Any], AbstractAsyncContextManager[Channel]]
    batch: int


KINDS = {
    "postgresql": Kind("postgres_url", own_tables, SQLDataStore, channel_of_postgresql, 1000),
    "machine-postgresql": Kind("machine_postgres_url", own_tables, SQLDataStore, channel_of_postgresql, 1000),
    "redis": Kind("valkey_url", own_prefix, RedisDataStore, channel_of_redis, 150),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # of what is told, nothing depends on it


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def config(request: pytest.FixtureRequest, kind: Kind) -> Any:
    return kind.configure(request.getfixturevalue(kind.server))


@pytest.fixture
async def scheduler(kind: Kind, config: Any) -> AsyncIterator[AsyncScheduler]:
    async with open_scheduler(kind.store(config)) as scheduler:
        yield scheduler


@pytest.fixture
async def told(kind: Kind, config: Any, scheduler: AsyncScheduler) -> AsyncIterator[Told]:
    """What somebody else has been told since they last asked."""
    async with kind.channel(config) as channel:

        async def since() -> list[datetime]:
            await channel.say(MARK)  # what was said before is heard before
            payloads = []
            with anyio.fail_after(20):
                while (payload := await channel.hear()) != MARK:
                    payloads.append(payload)
            return [EPOCH + timedelta(microseconds=int(payload.split()[0])) for payload in payloads]

        yield since


async def test_a_batch_is_told_once(kind: Kind, scheduler: AsyncScheduler, told: Told) -> None:
    times = [NOON - number * HOUR / 1000 for number in range(kind.batch)]
    await scheduler.add_tasks(Task(callback="ring", run_at=run_at) for run_at in times)
    assert await told() == times[-1:]


async def test_what_is_merged_into_one_batch_is_told_once(scheduler: AsyncScheduler, told: Told) -> None:
    # Each is earlier than the one before, so that by itself it would be told.
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(scheduler.add_task, "ring", NOON - number * HOUR)
    assert await told() == [NOON - 9 * HOUR]


async def test_what_is_due_after_a_waiting_task_is_not_told(scheduler: AsyncScheduler, told: Told) -> None:
    waiting = datetime.now(UTC) + HOUR
    await scheduler.add_task("ring", waiting)
    assert await told() == [waiting]
    await scheduler.add_tasks(Task(callback="ring", run_at=waiting + number * HOUR) for number in range(1, 100))
    await scheduler.add_task("ring", NOON)
    assert await told() == []


async def test_what_is_due_before_all_others_is_told(scheduler: AsyncScheduler, told: Told) -> None:
    await scheduler.add_task("ring", NOON)
    await scheduler.add_task("ring", NOON - HOUR)
    assert await told() == [NOON, NOON - HOUR]


@pytest.mark.parametrize("kind", [KINDS["postgresql"], KINDS["machine-postgresql"]], ids=["own", "machine"])
async def test_whatever_is_due_at_once_is_told(scheduler: AsyncScheduler, told: Told) -> None:
    # On PostgreSQL, a worker that knows of the first may be claiming it right now, and not see the second.
    due = [(await scheduler.add_task("ring")).run_at for _ in range(3)]
    assert await told() == due


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
