"""Runs that somebody cancels."""

from collections.abc import Callable
from datetime import timedelta

import anyio
import pytest
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed import RetryPolicy
from taskshed.datastores import InMemoryDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker, PollingWorker, Worker

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


class Work:
    """A callback that goes on until it is cancelled, and then cleans up for as long as it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.cleaned_up = 0
        self.clean = anyio.Event()
        self.clean.set()

    async def __call__(self) -> None:
        self.begun += 1
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await self.clean.wait()
            self.cleaned_up += 1


async def test_a_one_off_that_is_cancelled_is_kept_as_failed(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    async with taskshed.open_scheduler(callback_map={"work": work}, retry=RetryPolicy()) as scheduler:
        await scheduler.add_task("work", task_id="t", group_id="g")
        await turn(timedelta(0))
        await scheduler.cancel_tasks(group_id="g")
        await turn(timedelta(0))
        (task,) = await scheduler.fetch_tasks(status="failed")
        assert (work.begun, work.cleaned_up) == (1, 1)
        assert (task.task_id, task.error) == ("t", "callback 'work': cancelled")


async def test_a_recurring_task_whose_run_is_cancelled_goes_on(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    start = clock.time
    async with taskshed.open_scheduler(callback_map={"work": work}, shutdown_timeout=timedelta(0)) as scheduler:
        await scheduler.add_task("work", task_id="t", interval=10 * SECOND)
        await turn(SECOND)
        await scheduler.cancel_tasks(task_ids=["t"])
        await turn(timedelta(0))
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, task.run_at, task.error) == (
            "scheduled",
            start + 10 * SECOND,
            "callback 'work': cancelled",
        )
        await turn(9 * SECOND)
        assert work.begun == 2


async def test_its_cleaning_up_is_waited_for_and_may_take_longer_than_a_lease(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    work.clean = anyio.Event()
    async with taskshed.open_scheduler(callback_map={"work": work}) as scheduler:
        await scheduler.add_task("work", task_id="t")
        await turn(timedelta(0))
        await scheduler.cancel_tasks(task_ids=["t"])
        for _ in range(20):
            await turn(5 * SECOND)
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, work.begun) == ("running", 1)
        work.clean.set()
        await turn(timedelta(0))
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, work.cleaned_up) == ("failed", 1)


async def test_what_does_not_run_is_not_cancelled(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    async with taskshed.open_scheduler(callback_map={"work": work}) as scheduler:
        later = await scheduler.add_task("work", clock.time + SECOND, task_id="later")
        await scheduler.cancel_tasks(task_ids=["later"])
        assert await scheduler.fetch_all_tasks() == [later]
        await turn(SECOND)
        assert work.begun == 1
        with pytest.raises(taskshed.TaskNotFoundError, match="'nobody'"):
            await scheduler.cancel_tasks(task_ids=["nobody", "later"])
        await turn(timedelta(0))
        assert work.cleaned_up == 1


async def test_a_callback_that_ends_well_although_it_was_cancelled_has_succeeded(
    clock: ManualClock, turn: Turn
) -> None:
    release = anyio.Event()

    async def stubborn() -> None:
        with anyio.CancelScope(shield=True):
            await release.wait()

    async with taskshed.open_scheduler(callback_map={"stubborn": stubborn}) as scheduler:
        await scheduler.add_task("stubborn", task_id="t")
        await turn(timedelta(0))
        await scheduler.cancel_tasks(task_ids=["t"])
        await turn(timedelta(0))
        release.set()
        await turn(timedelta(0))
        assert await scheduler.fetch_all_tasks() == []


async def test_a_callback_whose_cleaning_up_raises_is_not_tried_again(clock: ManualClock, turn: Turn) -> None:
    async def untidy() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("dust")

    async with taskshed.open_scheduler(callback_map={"untidy": untidy}, retry=RetryPolicy()) as scheduler:
        await scheduler.add_task("untidy", task_id="t")
        await turn(timedelta(0))
        await scheduler.cancel_tasks(task_ids=["t"])
        await turn(timedelta(0))
        (task,) = await scheduler.fetch_tasks(status="failed")
        assert task.error == "callback 'untidy': ValueError: dust"


async def test_a_run_beside_others_is_cancelled_by_its_own_id_or_by_group(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    async with taskshed.open_scheduler(callback_map={"work": work}) as scheduler:
        await scheduler.add_task("work", task_id="t", group_id="g", interval=10 * SECOND, overlap="allow")
        await turn(timedelta(0))
        await scheduler.cancel_tasks(group_id="g")
        await turn(timedelta(0))
        (task,) = await scheduler.fetch_all_tasks()
        assert (task.task_id, task.error, work.cleaned_up) == ("t", "callback 'work': cancelled", 1)


WORKERS: dict[str, Callable[[Work, InMemoryDataStore], Worker]] = {
    "event-driven": lambda work, datastore: EventDrivenWorker({"work": work}, datastore),
    "polling": lambda work, datastore: PollingWorker({"work": work}, datastore, 5 * SECOND),
}


@pytest.mark.parametrize(("kind", "delay"), [("event-driven", timedelta(0)), ("polling", 10 * SECOND)])
async def test_an_event_driven_worker_is_told_at_once_and_a_polling_one_finds_out_as_it_renews(
    clock: ManualClock, turn: Turn, kind: str, delay: timedelta
) -> None:
    work = Work()
    datastore = InMemoryDataStore()
    async with AsyncScheduler(datastore) as scheduler, WORKERS[kind](work, datastore):
        await scheduler.add_task("work", task_id="t")
        await turn(timedelta(0))
        await turn(5 * SECOND if kind == "polling" else timedelta(0))
        assert work.begun == 1
        await scheduler.cancel_tasks(task_ids=["t"])
        await turn(delay)
        assert work.cleaned_up == 1
