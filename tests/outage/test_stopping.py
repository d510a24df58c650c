"""A server that is away: every call says so at once, and works when it is back."""

import traceback
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio import to_thread
from outage.sites import PASSWORD, TOMORROW, Site

import taskshed
from taskshed.models import TaskExecutionTime
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

CALLS: dict[str, Callable[[AsyncScheduler], Awaitable[object]]] = {
    "add_task": lambda scheduler: scheduler.add_task("note", TOMORROW, task_id="later"),
    "add_tasks": lambda scheduler: scheduler.add_tasks([taskshed.Task(callback="note", run_at=TOMORROW)]),
    "fetch_tasks": lambda scheduler: scheduler.fetch_tasks(task_ids=["there"]),
    "pause_tasks": lambda scheduler: scheduler.pause_tasks(task_ids=["there"]),
    "resume_tasks": lambda scheduler: scheduler.resume_tasks(group_id="group"),
    "update_execution_times": lambda scheduler: scheduler.update_execution_times(
        tasks=[TaskExecutionTime(task_id="there", run_at=TOMORROW)]
    ),
    "remove_tasks": lambda scheduler: scheduler.remove_tasks(task_ids=["there"]),
    "remove_all_tasks": lambda scheduler: scheduler.remove_all_tasks(),
}


async def test_calls_fail_at_once_while_the_server_is_away_and_work_when_it_is_back(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncScheduler(site.store()) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there", group_id="group")
        for end in (site.server.stop, site.server.kill):
            await to_thread.run_sync(end)
            for name, call in CALLS.items():
                with anyio.fail_after(3), pytest.raises(taskshed.DatastoreUnavailableError, match=site.place) as caught:
                    await call(scheduler)
                assert PASSWORD not in "".join(traceback.format_exception(caught.value)), name
            await to_thread.run_sync(site.server.start)
            assert [task.task_id for task in await scheduler.fetch_tasks(task_ids=["there", "later"])] == ["there"]
            for call in CALLS.values():
                await call(scheduler)
            await scheduler.add_task("note", TOMORROW, task_id="there", group_id="group")
    assert PASSWORD not in caplog.text


async def test_a_scheduler_ends_at_once_while_the_server_is_away(site: Site) -> None:
    async with AsyncScheduler(site.store()) as scheduler:
        await scheduler.add_task("note", TOMORROW)
        await to_thread.run_sync(site.server.stop)
        with anyio.fail_after(5):
            await scheduler.shutdown()
    with anyio.fail_after(3), pytest.raises(taskshed.DatastoreUnavailableError, match=site.place):
        await scheduler.start()
    await to_thread.run_sync(site.server.start)
    await scheduler.start()  # the same objects can be used again
    assert len(await scheduler.fetch_tasks(task_ids=["there"])) == 0
    await scheduler.shutdown()
