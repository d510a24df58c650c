"""A server that refuses for the moment: it has too many connections, or an administrator stops a statement."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import pytest
from outage.sites import HOUR, TOMORROW
from outage.sql_sites import SQLSite

import taskshed
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio


async def test_a_call_for_which_there_is_no_connection_works_later(sql_site: SQLSite) -> None:
    async with AsyncScheduler(sql_site.store(poll_interval=HOUR)) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        await sql_site.execute(sql_site.allow_few)
        await sql_site.hang_up()
        with suppress(taskshed.DatastoreUnavailableError):
            await scheduler.pause_tasks(task_ids=["there"])  # takes the only connection, if there may be one
        with pytest.raises(taskshed.DatastoreUnavailableError, match=rf"{sql_site.place}: .*connections.*nothing was"):
            await scheduler.fetch_tasks(task_ids=["there"])
        await sql_site.execute(sql_site.allow_many)
        await scheduler.pause_tasks(task_ids=["there"])
        assert len(await scheduler.fetch_tasks(task_ids=["there"])) == 1


async def test_a_call_that_an_administrator_stops_has_changed_nothing(sql_site: SQLSite) -> None:
    async with AsyncScheduler(sql_site.store(poll_interval=HOUR)) as scheduler:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: scheduler.add_task("note", TOMORROW, task_id="t"),
            lambda: scheduler.fetch_tasks(task_ids=["t"]),
        ]

        async def stop() -> None:
            await sql_site.becomes(sql_site.busy, 1)
            await sql_site.stop_busy()

        for call in calls:
            reason = f"{sql_site.place}: .*nothing was changed"
            async with sql_site.held(*sql_site.lock_all), anyio.create_task_group() as tasks:
                tasks.start_soon(stop)
                with anyio.fail_after(20), pytest.raises(taskshed.DatastoreUnavailableError, match=reason):
                    await call()
        assert await scheduler.fetch_tasks(task_ids=["t"]) == []
        await scheduler.add_task("note", TOMORROW, task_id="t")
