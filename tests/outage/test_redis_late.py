"""A Redis whose answers come late: nobody waits too long, and nobody gets the answer to another question."""

import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from outage.redis_sites import RedisSite
from outage.sites import HOUR, TOMORROW, comes_true

import taskshed
from taskshed._records import freeze
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores.commands import Add, ById, Claim, Pause
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

TIMEOUT = timedelta(milliseconds=300)
PAUSE = ("CLIENT", "PAUSE", 60_000, "WRITE")  # scripts wait, what the administrator says does not
NOTHING, UNKNOWN = "nothing was changed", "it is not known whether anything was changed"
PAIR = ("one", "other")


def add(*task_ids: str) -> Add:
    return Add(tuple(freeze(taskshed.Task(callback="note", run_at=TOMORROW, task_id=name)) for name in task_ids))


CALLS: dict[str, Callable[[HostedStorage], Coroutine[Any, Any, object]]] = {
    "add": lambda storage: storage.execute([add(*PAIR)]),
    "claim": lambda storage: storage.execute([Claim(limit=10, lease=3_600_000_000)]),
    "fetch": lambda storage: storage.fetch(ById(("due",))),
}


async def answers_belong_to_questions(storage: HostedStorage) -> None:
    for number in range(5):
        kept, paused = await storage.execute([add("there", f"new {number}"), Pause(ById(("there", f"no {number}")))])
        assert kept.kept == ()
        assert paused.missing == (f"no {number}",)
        assert [record.task_id for record in await storage.fetch(ById((f"new {number}",)))] == [f"new {number}"]
        (claimed,) = await storage.execute([Claim(limit=0, lease=1)])
        assert claimed.records == ()


async def is_whole(storage: HostedStorage) -> None:
    assert len(await storage.fetch(ById(PAIR))) in (0, 2)
    (due,) = await storage.fetch(ById(("due",)))
    assert due.attempts in (0, 1)
    assert (due.leased_until is None) == (due.attempts == 0)


@contextmanager
def frozen(redis_site: RedisSite) -> Iterator[None]:
    """Have the server stand still, which accepts whoever comes and hears nobody."""
    os.kill(redis_site.server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(redis_site.server.pid, signal.SIGCONT)


@contextmanager
def fails_late(redis_site: RedisSite, effect: str) -> Iterator[None]:
    reason = f"{redis_site.place}: no answer in time; {effect}$"
    with anyio.fail_after(5), pytest.raises(taskshed.DatastoreUnavailableError, match=reason):
        yield


async def test_answers_that_come_late_are_not_taken_for_others(redis_site: RedisSite) -> None:
    async with redis_site.storage() as storage:
        await storage.execute([Add((freeze(taskshed.Task(callback="note", task_id="due")),))])
    async with redis_site.storage(timeout=TIMEOUT) as storage:
        for name, call in CALLS.items():
            with frozen(redis_site):
                # The first is on a connection that was good, the second on one that would have to be made.
                for effect in (NOTHING if name == "fetch" else UNKNOWN, NOTHING):
                    with fails_late(redis_site, effect):
                        await call(storage)
            await answers_belong_to_questions(storage)
            await is_whole(storage)


@pytest.mark.parametrize("name", CALLS)
async def test_answers_to_calls_that_were_cancelled_are_not_taken_for_others(redis_site: RedisSite, name: str) -> None:
    async with redis_site.storage() as storage:
        await storage.execute([Add((freeze(taskshed.Task(callback="note", task_id="due")),))])
        await storage.fetch(ById(("due",)))
        for _ in range(3):
            await redis_site.execute(*PAUSE)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(CALLS[name], storage)
                await comes_true(lambda: is_waiting(redis_site))
                tasks.cancel_scope.cancel()
            await redis_site.execute("CLIENT", "UNPAUSE")
            await answers_belong_to_questions(storage)
            await is_whole(storage)
        assert len(await redis_site.connections()) <= 2
    await redis_site.is_left()


async def test_calls_to_a_server_that_stands_still_end_in_time_and_work_when_it_goes_on(redis_site: RedisSite) -> None:
    datastore = redis_site.store(timeout=TIMEOUT, poll_interval=HOUR)
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        for _ in range(3):
            with frozen(redis_site):
                for effect in (UNKNOWN, NOTHING):
                    with fails_late(redis_site, effect):
                        await scheduler.pause_tasks(task_ids=["there"])
                with fails_late(redis_site, NOTHING):
                    await scheduler.fetch_tasks(task_ids=["there"])
                with fails_late(redis_site, NOTHING):
                    await redis_site.store(timeout=TIMEOUT).start()
            await scheduler.resume_tasks(task_ids=["there"])
            (task,) = await scheduler.fetch_tasks(task_ids=["there"])
            assert not task.paused
    await redis_site.is_left()


async def test_a_store_ends_soon_though_its_server_stands_still(redis_site: RedisSite) -> None:
    scheduler = AsyncScheduler(redis_site.store(poll_interval=timedelta(milliseconds=50)))
    await scheduler.start()
    await scheduler.add_task("note", TOMORROW)
    with frozen(redis_site), anyio.fail_after(8):
        await scheduler.shutdown()
    await redis_site.is_left()


async def is_waiting(redis_site: RedisSite) -> bool:
    return len(await redis_site.busy_connections()) == 1
