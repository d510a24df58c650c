"""A server that may only be read, as one that has become a standby."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from outage.kinds import PostgresSite
from outage.sites import HOUR, TOMORROW, Site, comes_true
from servers._postgresql import PostgresServer

import taskshed
from taskshed.models import TaskExecutionTime
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

CHANGES: dict[str, Callable[[AsyncScheduler], Awaitable[object]]] = {
    "add": lambda scheduler: scheduler.add_task("note", TOMORROW, task_id="new"),
    "pause": lambda scheduler: scheduler.pause_tasks(task_ids=["there"]),
    "resume": lambda scheduler: scheduler.resume_tasks(task_ids=["paused"]),
    "move": lambda scheduler: scheduler.update_execution_times(
        tasks=[TaskExecutionTime(task_id="there", run_at=TOMORROW)]
    ),
    "remove": lambda scheduler: scheduler.remove_tasks(task_ids=["there"]),
}


async def test_changes_are_refused_while_the_server_is_read_only_and_made_afterwards(site: Site) -> None:
    ran = anyio.Event()

    async def note() -> None:
        ran.set()

    async def is_settled() -> bool:
        return await scheduler.fetch_tasks(task_ids=["due"]) == []

    refusal = f"{site.place}: .*{site.read_only}.*; nothing was changed$"
    datastore = site.store(poll_interval=HOUR)
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_tasks(
            [
                taskshed.Task(callback="note", run_at=TOMORROW, task_id="there"),
                taskshed.Task(callback="note", run_at=TOMORROW, task_id="paused", paused=True),
                taskshed.Task(callback="note", task_id="due"),
            ]
        )
        await site.set_read_only(True)
        async with EventDrivenWorker({"note": note}, datastore):
            for change in CHANGES.values():
                with pytest.raises(taskshed.DatastoreUnavailableError, match=refusal):
                    await change(scheduler)
            assert [task.task_id for task in await scheduler.fetch_tasks(task_ids=["there", "new"])] == ["there"]
            assert not ran.is_set()
            await site.set_read_only(False)
            for change in CHANGES.values():
                await change(scheduler)
            with anyio.fail_after(5):
                await ran.wait()
            await comes_true(is_settled)


async def test_a_store_opens_on_a_read_only_server_as_soon_as_it_may_be_written(site: Site) -> None:
    async with site.store():
        pass
    await site.set_read_only(True)
    datastore = site.store()
    with pytest.raises(taskshed.DatastoreUnavailableError, match=f"{site.place}: .*{site.read_only}"):
        await datastore.start()
    await site.set_read_only(False)
    async with datastore:
        pass


async def test_a_store_that_asks_for_a_primary_opens_as_soon_as_there_is_one(private_postgres: PostgresServer) -> None:
    site = PostgresSite(private_postgres)
    await site.set_read_only(True)
    datastore = site.store(url=f"{site.url}?target_session_attrs=read-write")
    with pytest.raises(taskshed.DatastoreUnavailableError, match=f"{site.place}: None of the hosts match"):
        await datastore.start()
    await site.set_read_only(False)
    async with datastore:
        pass
