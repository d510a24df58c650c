"""A server that hangs up on everybody, as at its timeout for idle connections or by an administrator's hand."""

import logging
from collections.abc import Awaitable, Callable

import pytest
from outage.sites import HOUR, TOMORROW, Site, comes_true

import taskshed
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio


async def failures(*calls: Callable[[], Awaitable[object]]) -> list[str]:
    failed = []
    for call in calls:
        try:
            await call()
        except taskshed.DatastoreUnavailableError as error:
            failed.append(str(error))
    return failed


async def test_of_the_calls_made_after_a_server_has_hung_up_one_fails_at_most(site: Site) -> None:
    async with AsyncScheduler(site.store(poll_interval=HOUR)) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        for _ in range(5):
            await scheduler.fetch_tasks(task_ids=["there"])
            await site.hang_up()
            failed = await failures(
                lambda: scheduler.add_task("note", TOMORROW),
                lambda: scheduler.fetch_tasks(task_ids=["there"]),
                lambda: scheduler.pause_tasks(task_ids=["there"]),
                lambda: scheduler.fetch_tasks(task_ids=["there"]),
                lambda: scheduler.resume_tasks(task_ids=["there"]),
            )
            assert len(failed) <= 1, failed
    await site.is_left()


async def test_a_listener_that_was_hung_up_on_hears_again(telling_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "taskshed")
    site = telling_site
    ran: list[str] = []

    async def note() -> None:
        ran.append(taskshed.current_occurrence().task_id)

    async def has_run(task_id: str) -> None:
        async def is_so() -> bool:
            return task_id in ran

        await comes_true(is_so)

    async def hears_again() -> bool:
        return caplog.text.count("noticed again") == 2  # both stores

    here, there = site.store(poll_interval=HOUR), site.store(poll_interval=HOUR)
    async with AsyncScheduler(here), EventDrivenWorker({"note": note}, here), AsyncScheduler(there) as elsewhere:
        await elsewhere.add_task("note", task_id="pushed")
        await has_run("pushed")
        for n in range(2):
            caplog.clear()
            await site.hang_up()
            await elsewhere.add_task("note", task_id=f"{n} while nobody listens")
            await has_run(f"{n} while nobody listens")
            await comes_true(hears_again)
            await elsewhere.add_task("note", task_id=f"{n} pushed again")
            await has_run(f"{n} pushed again")
            assert caplog.text.count("cannot watch") == 2
