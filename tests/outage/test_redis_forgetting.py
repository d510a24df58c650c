"""A Redis that forgets scripts or everything, and one that is kept busy by somebody else's script."""

import logging
from collections.abc import Awaitable, Callable

import anyio
import pytest
from outage.redis_sites import RedisSite
from outage.sites import HOUR, TOMORROW, comes_true
from redis.exceptions import ResponseError

import taskshed
from taskshed._records import freeze
from taskshed.datastores.commands import Add, ById
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

IDS = tuple(f"task {number}" for number in range(450))  # so many that they are several scripts


async def test_scripts_that_were_forgotten_are_loaded_again(redis_site: RedisSite) -> None:
    add = Add(tuple(freeze(taskshed.Task(callback="note", run_at=TOMORROW, task_id=task_id)) for task_id in IDS))
    for shards in (1, 8):
        async with redis_site.storage(shards=shards, key_prefix=f"with {shards}") as storage:
            for _ in range(3):
                await redis_site.execute("SCRIPT", "FLUSH")
                await storage.execute([add])
                await redis_site.execute("SCRIPT", "FLUSH")
                assert [record.task_id for record in await storage.fetch(ById(IDS))] == list(IDS)


async def test_a_worker_goes_on_after_everything_was_forgotten(
    redis_site: RedisSite, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []
    release = anyio.Event()

    async def note() -> None:
        ran.append(taskshed.current_occurrence().task_id)

    async def hold() -> None:
        await note()
        await release.wait()

    async def have_run(*task_ids: str) -> None:
        async def is_so() -> bool:
            return ran == list(task_ids)

        await comes_true(is_so)

    async def nothing_is_left() -> bool:
        keys: list[str] = await redis_site.execute("KEYS", "*")
        return keys == []

    datastore = redis_site.store(poll_interval=HOUR)
    worker = EventDrivenWorker({"note": note, "hold": hold}, datastore)
    async with AsyncScheduler(datastore, worker) as scheduler, AsyncScheduler(redis_site.store()) as elsewhere:
        await scheduler.add_task("hold", task_id="held")
        await scheduler.add_task("note", TOMORROW, task_id="later")
        await have_run("held")
        await redis_site.execute("FLUSHALL")
        assert await scheduler.fetch_tasks(task_ids=["held", "later"]) == []
        release.set()
        await elsewhere.add_task("note", task_id="afterwards")
        await have_run("held", "afterwards")
        with pytest.raises(taskshed.TaskNotFoundError, match="later"):
            await scheduler.pause_tasks(task_ids=["later"])
        await scheduler.add_task("note", task_id="last")
        await have_run("held", "afterwards", "last")
        await comes_true(nothing_is_left)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_calls_fail_while_somebody_keeps_the_server_busy_and_work_afterwards(redis_site: RedisSite) -> None:
    ran = anyio.Event()

    async def note() -> None:
        ran.set()

    async def keep_busy() -> None:
        with pytest.raises(ResponseError, match="killed by user"):
            await redis_site.execute("EVAL", "while true do end", 0)

    refusal = f"{redis_site.place}: BUSY .*; nothing was changed$"
    datastore = redis_site.store(poll_interval=HOUR)
    await redis_site.execute("CONFIG", "SET", "busy-reply-threshold", 50)
    async with AsyncScheduler(datastore, EventDrivenWorker({"note": note}, datastore)) as scheduler:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: scheduler.add_task("note", TOMORROW, task_id="there"),
            lambda: scheduler.add_tasks([taskshed.Task(callback="note", run_at=TOMORROW, task_id=i) for i in IDS]),
            lambda: scheduler.fetch_tasks(task_ids=["there"]),
            lambda: scheduler.remove_tasks(task_ids=["there"]),
        ]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_busy)
            await comes_true(lambda: is_busy(redis_site))
            for call in calls:
                with anyio.fail_after(5), pytest.raises(taskshed.DatastoreUnavailableError, match=refusal):
                    await call()
            await redis_site.execute("SCRIPT", "KILL")
        assert await scheduler.fetch_tasks(task_ids=["there", *IDS]) == []
        for call in calls:
            await call()
        await scheduler.add_task("note")
        with anyio.fail_after(5):
            await ran.wait()


async def is_busy(redis_site: RedisSite) -> bool:
    try:
        await redis_site.execute("PING")
    except ResponseError as error:
        return str(error).startswith("BUSY")
    return False
