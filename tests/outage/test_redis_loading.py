"""A Redis that reads its data again: it answers, but only that it is not ready."""

import logging
import time

import anyio
import pytest
from anyio import to_thread
from outage.redis_sites import RedisSite
from outage.sites import HOUR, TOMORROW, comes_true

import taskshed
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

# While it loads, a server answers after every 1024 commands that it has read: about fifteen times a second.
FILL = "for number = 1, 40960 do redis.call('SET', 'ballast:' .. number, '') end"
SLOWLY = "key-load-delay 10"  # microseconds at least for each command


async def test_calls_fail_at_once_while_the_server_loads_and_a_worker_resumes_afterwards(
    redis_site: RedisSite, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[float] = []
    loaded: list[float] = []

    async def note() -> None:
        started.append(time.monotonic())

    async def start() -> None:
        await to_thread.run_sync(redis_site.server.start)
        loaded.append(time.monotonic())

    async def is_loading() -> bool:
        try:
            await scheduler.fetch_tasks(task_ids=["there"])
        except taskshed.DatastoreUnavailableError as error:
            return "LOADING" in str(error)
        return False

    async def has_settled() -> bool:
        return await scheduler.fetch_tasks(task_ids=["due"]) == []

    refusal = f"{redis_site.place}: LOADING .*; nothing was changed$"
    datastore = redis_site.store(poll_interval=HOUR)
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        await scheduler.add_task("note", task_id="due")
        await redis_site.execute("EVAL", FILL, 0)
        redis_site.server.configure(SLOWLY)
        await to_thread.run_sync(redis_site.server.stop)
        async with EventDrivenWorker({"note": note}, datastore):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(start)
                await comes_true(is_loading)
                for call in (
                    lambda: scheduler.add_task("note", TOMORROW, task_id="new"),
                    lambda: scheduler.fetch_tasks(task_ids=["there"]),
                    lambda: scheduler.remove_tasks(task_ids=["there"]),
                    redis_site.store().start,
                ):
                    with anyio.fail_after(5), pytest.raises(taskshed.DatastoreUnavailableError, match=refusal):
                        await call()
                assert loaded == started == []
            await comes_true(has_settled)
        assert started[0] - loaded[0] < 5
        found = await scheduler.fetch_tasks(task_ids=["there", "new"])
        assert [task.task_id for task in found] == ["there"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
