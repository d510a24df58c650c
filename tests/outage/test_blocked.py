"""Calls that wait on the server for a lock of somebody else's: they are given up, there as here."""

import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import anyio
import pytest
from outage.sites import HOUR, TOMORROW, comes_true
from outage.sql_sites import SQLSite

import taskshed
from taskshed._records import freeze
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores.commands import Add, ById, Claim
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

PAIR = [taskshed.Task(callback="note", run_at=TOMORROW, task_id=task_id) for task_id in ("absent", "blocked")]
ADD_PAIR = Add(tuple(freeze(task) for task in PAIR))
ADD_DUE = Add((freeze(taskshed.Task(callback="note", task_id="due")),))

TIMEOUT = timedelta(seconds=1)  # enough for what need not wait, even on a busy machine

# Call: (whether all is locked or one task, the call)
CALLS: dict[str, tuple[bool, Callable[[HostedStorage], Coroutine[Any, Any, object]]]] = {
    "add, for a row": (False, lambda storage: storage.execute([ADD_PAIR])),
    "add, for the table": (True, lambda storage: storage.execute([ADD_PAIR])),
    "claim": (True, lambda storage: storage.execute([Claim(limit=1, lease=1_000_000)])),
    "fetch": (True, lambda storage: storage.fetch(ById(("due",)))),
}


async def is_as_before(storage: HostedStorage) -> None:
    assert [record.task_id for record in await storage.fetch(ById(("absent", "blocked", "due")))] == ["due"]
    (claimed,) = await storage.execute([Claim(limit=10, lease=1)])
    assert [record.attempts for record in claimed.records] == [1]
    await storage.execute([ADD_DUE])


async def test_a_call_that_is_cancelled_while_it_waits_for_a_lock_ends_on_the_server_too(sql_site: SQLSite) -> None:
    async with sql_site.storage() as storage:
        await storage.execute([ADD_DUE])
        for locks_all, call in CALLS.values():
            async with sql_site.held(*(sql_site.lock_all if locks_all else sql_site.lock_one)):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(call, storage)
                    await sql_site.becomes(sql_site.busy, 1)
                    tasks.cancel_scope.cancel()
                    cancelled = anyio.current_time()
                assert anyio.current_time() - cancelled < 6
                await sql_site.becomes(sql_site.busy, 0, seconds=5)
            await is_as_before(storage)
    await sql_site.becomes(sql_site.ours, 0)


async def test_a_call_that_takes_too_long_ends_on_the_server_too(sql_site: SQLSite) -> None:
    async with sql_site.storage() as storage:
        await storage.execute([ADD_DUE])
    async with sql_site.storage(timeout=TIMEOUT) as storage:
        for name, (locks_all, call) in CALLS.items():
            effect = "nothing was changed" if name == "fetch" else "it is not known whether anything was changed"
            reason = f"{sql_site.place}: no answer in time; {effect}"
            async with sql_site.held(*(sql_site.lock_all if locks_all else sql_site.lock_one)):
                with anyio.fail_after(5), pytest.raises(taskshed.DatastoreUnavailableError, match=reason):
                    await call(storage)
                await sql_site.becomes(sql_site.busy, 0, seconds=5)
            await is_as_before(storage)
    await sql_site.becomes(sql_site.ours, 0)


async def test_a_datastore_ends_soon_though_calls_wait_for_a_lock(sql_site: SQLSite) -> None:
    scheduler = AsyncScheduler(sql_site.store(poll_interval=HOUR))
    await scheduler.start()
    async with sql_site.held(*sql_site.lock_all):
        with anyio.CancelScope() as scope:
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(scheduler.add_tasks, PAIR)
                    tasks.start_soon(lambda: scheduler.fetch_tasks(task_ids=["absent"]))
                    await sql_site.becomes(sql_site.busy, 2)
                    scope.cancel()
            finally:
                cancelled = anyio.current_time()
                await scheduler.shutdown()
        assert anyio.current_time() - cancelled < 8
        await sql_site.becomes(sql_site.ours, 0, seconds=5)
    async with scheduler:
        assert await scheduler.fetch_tasks(task_ids=["absent", "blocked"]) == []
        await scheduler.add_tasks(PAIR)


@pytest.mark.parametrize("ends", [False, True], ids=["at its timeout", "at the end"])
async def test_a_watch_that_waits_for_a_lock_leaves_nothing_behind(
    sql_site: SQLSite, ends: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def has_warned() -> bool:
        return "cannot watch" in caplog.text

    watching = sql_site.store(poll_interval=timedelta(seconds=0.1), timeout=HOUR if ends else TIMEOUT)
    async with AsyncScheduler(watching) as scheduler, AsyncScheduler(sql_site.store(poll_interval=HOUR)) as elsewhere:
        async with sql_site.held(*sql_site.lock_all):
            await sql_site.becomes(sql_site.busy, 1)
            if ends:
                with anyio.fail_after(8):
                    await scheduler.shutdown()
                await sql_site.becomes(sql_site.busy, 0, seconds=5)
            else:
                await comes_true(has_warned)
        await elsewhere.add_task("note", TOMORROW)  # and all who listen hear of it
        await sql_site.becomes(sql_site.busy, 0)
    await sql_site.becomes(sql_site.ours, 0)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
