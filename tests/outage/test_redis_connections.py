"""The connections of a store: few, kept while they are good, and each listened to."""

import logging
from datetime import timedelta

import anyio
import pytest
from outage.redis_sites import RedisSite
from outage.sites import HOUR, TOMORROW

from taskshed.datastores.commands import ById
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio


async def test_connections_are_kept_while_they_are_good(redis_site: RedisSite) -> None:
    async with AsyncScheduler(redis_site.store(poll_interval=HOUR)) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        before = await redis_site.connections()
        assert len(before) == 3  # one writes, one reads, one listens
        for _ in range(20):
            await scheduler.pause_tasks(task_ids=["there"])
            assert len(await scheduler.fetch_tasks(task_ids=["there"])) == 1
        assert await redis_site.connections() == before
    await redis_site.is_left()


async def test_a_look_at_what_is_due_does_not_disturb_who_reads_meanwhile(
    redis_site: RedisSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "taskshed")
    found: list[list[str]] = []

    async def fetch() -> None:
        found.append([task.task_id for task in await datastore.fetch(ById(("there",)))])

    datastore = redis_site.store(poll_interval=timedelta(milliseconds=20))
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        await redis_site.execute("CLIENT", "PAUSE", 60_000, "WRITE")  # scripts wait, looks do not
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fetch)
            await anyio.sleep(0.3)  # time for many looks
            await redis_site.execute("CLIENT", "UNPAUSE")
        assert found == [["there"]]
    assert caplog.text == ""
