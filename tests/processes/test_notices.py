"""What PostgreSQL tells other processes: once for each commit that brings something earlier than what they know."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio
import asyncpg  # type: ignore[import-untyped]
import pytest
from databases import own_tables

from taskshed import Task, TaskExecutionTime, open_scheduler
from taskshed.datastores import SQLConfig, SQLDataStore
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

Told = Callable[[], Awaitable[list[datetime]]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOON = datetime.now(UTC) + 12 * HOUR
MARK = "mark"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # of what is told, nothing depends on it


@pytest.fixture(params=["postgres_url", "machine_postgres_url"])
def config(request: pytest.FixtureRequest) -> SQLConfig:
    return own_tables(request.getfixturevalue(request.param))


@pytest.fixture
async def scheduler(config: SQLConfig) -> AsyncIterator[AsyncScheduler]:
    async with open_scheduler(SQLDataStore(config)) as scheduler:
        yield scheduler


@pytest.fixture
async def told(config: SQLConfig, scheduler: AsyncScheduler) -> AsyncIterator[Told]:
    """What a connection of somebody else's has been told since it was last asked."""
    connection = await asyncpg.connect(str(config.url))
    channel = f"public.{config.table_prefix}"
    speak, heard = anyio.create_memory_object_stream[str](math.inf)
    await connection.add_listener(channel, lambda *event: speak.send_nowait(event[-1]))

    async def since() -> list[datetime]:
        # It hears itself, too, and what was committed first it hears first.
        await connection.execute("SELECT pg_notify($1, $2)", channel, MARK)
        payloads = []
        with anyio.fail_after(20):
            while (payload := await heard.receive()) != MARK:
                payloads.append(payload)
        return [EPOCH + timedelta(microseconds=int(payload.split()[0])) for payload in payloads]

    with speak, heard:
        yield since
    await connection.close()


async def test_a_batch_is_told_once(scheduler: AsyncScheduler, told: Told) -> None:
    await scheduler.add_tasks(Task(callback="ring", run_at=NOON - number * HOUR / 1000) for number in range(1000))
    assert await told() == [NOON - 999 * HOUR / 1000]


async def test_what_is_merged_into_one_commit_is_told_once(scheduler: AsyncScheduler, told: Told) -> None:
    # Each is earlier than the one before, so that a commit of its own would be told.
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
    await told()
    await scheduler.add_task("ring", NOON - HOUR)
    assert await told() == [NOON - HOUR]


async def test_whatever_is_due_at_once_is_told(scheduler: AsyncScheduler, told: Told) -> None:
    # A worker that knows of the first may be claiming it right now, and not see the second.
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
