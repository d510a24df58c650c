"""How workers end, and begin again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed.datastores import InMemoryDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


class Work:
    """A callback that goes on until it is released, and notes how it ended."""

    def __init__(self) -> None:
        self.started = 0
        self.begun = anyio.Event()
        self.release = anyio.Event()
        self.endings: list[str] = []

    async def __call__(self) -> None:
        self.started += 1
        self.begun.set()
        try:
            await self.release.wait()
        except BaseException as error:
            self.endings.append(type(error).__name__)
            raise
        self.endings.append("done")


async def test_leaving_the_block_lets_running_callbacks_end(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    datastore = InMemoryDataStore()
    async with datastore:
        async with anyio.create_task_group() as tasks:

            async def program() -> None:
                async with taskshed.open_scheduler(datastore, callback_map={"work": work}) as scheduler:
                    await scheduler.add_task("work", task_id="t")
                    await work.begun.wait()

            tasks.start_soon(program)
            await work.begun.wait()
            for _ in range(29):
                await turn(SECOND)
            assert work.endings == []
            work.release.set()
        assert work.endings == ["done"]
        async with AsyncScheduler(datastore) as scheduler:
            assert await scheduler.fetch_tasks(task_ids=["t"]) == []


@pytest.mark.parametrize("cancelled", [False, True])
async def test_callbacks_that_outlast_the_timeout_are_cancelled_and_their_tasks_given_back(
    clock: ManualClock, turn: Turn, cancelled: bool
) -> None:
    work = Work()
    datastore = InMemoryDataStore()
    async with AsyncScheduler(datastore) as scheduler:
        async with anyio.create_task_group() as tasks:

            async def program() -> None:
                settings: dict[str, Any] = {"shutdown_timeout": 10 * SECOND}
                async with taskshed.open_scheduler(datastore, callback_map={"work": work}, **settings):
                    await scheduler.add_task("work", task_id="t")
                    await work.begun.wait()
                    if cancelled:
                        tasks.cancel_scope.cancel()
                        await anyio.sleep_forever()

            tasks.start_soon(program)
            await work.begun.wait()
            with anyio.CancelScope(shield=True):
                await turn(timedelta(0))
                await turn(9.9 * SECOND)
                assert work.endings == []
                await turn(0.1 * SECOND)
                assert len(work.endings) == 1
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, task.attempts) == ("scheduled", 0)


async def test_no_timeout_at_all_cancels_at_once(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    async with InMemoryDataStore() as datastore:
        settings: dict[str, Any] = {"shutdown_timeout": timedelta(0)}
        async with taskshed.open_scheduler(datastore, callback_map={"work": work}, **settings) as scheduler:
            await scheduler.add_task("work", task_id="t")
            await turn(timedelta(0))
        async with AsyncScheduler(datastore) as scheduler:
            (task,) = await scheduler.fetch_tasks(task_ids=["t"])
            assert task.status == "scheduled"


async def test_a_worker_that_ends_claims_no_more(clock: ManualClock, turn: Turn) -> None:
    work = Work()
    datastore = InMemoryDataStore()
    worker = EventDrivenWorker({"work": work}, datastore, max_concurrency=1)
    async with AsyncScheduler(datastore) as scheduler:
        await worker.start()
        await scheduler.add_task("work", task_id="first")
        await scheduler.add_task("work", task_id="second")
        await turn(timedelta(0))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(worker.shutdown)
            await turn(SECOND)
            work.release.set()
        assert work.started == 1
        (second,) = await scheduler.fetch_tasks(task_ids=["first", "second"])
        assert (second.task_id, second.status) == ("second", "scheduled")


@pytest.mark.parametrize("what", ["scheduler", "worker", "both"])
async def test_shutting_down_from_inside_a_callback(clock: ManualClock, turn: Turn, what: str) -> None:
    ended: list[str] = []
    datastore = InMemoryDataStore()

    async def shut_down() -> None:
        if what in ("scheduler", "both"):
            await scheduler.shutdown()
        if what in ("worker", "both"):
            await worker.shutdown()
        await checkpoint()
        ended.append("callback")

    worker = EventDrivenWorker({"shut_down": shut_down}, datastore)
    scheduler = AsyncScheduler(datastore, worker)
    async with datastore:
        await scheduler.start()
        await worker.start()
        await scheduler.add_task("shut_down", task_id="t")
        await turn(timedelta(0))
        await scheduler.shutdown()
        await worker.shutdown()
        assert ended == ["callback"]
        async with AsyncScheduler(datastore) as another:
            assert await another.fetch_tasks(task_ids=["t"]) == []


ORDERS: list[Callable[[AsyncScheduler, EventDrivenWorker], tuple[AsyncScheduler | EventDrivenWorker, ...]]] = [
    lambda scheduler, worker: (scheduler, worker),
    lambda scheduler, worker: (worker, scheduler),
]


@pytest.mark.parametrize("starts", ORDERS, ids=["start-scheduler-first", "start-worker-first"])
@pytest.mark.parametrize("ends", ORDERS, ids=["end-scheduler-first", "end-worker-first"])
@pytest.mark.parametrize("with_worker", [True, False])
async def test_starting_and_ending_in_any_order_and_twice(
    clock: ManualClock,
    turn: Turn,
    starts: Callable[[AsyncScheduler, EventDrivenWorker], tuple[AsyncScheduler | EventDrivenWorker, ...]],
    ends: Callable[[AsyncScheduler, EventDrivenWorker], tuple[AsyncScheduler | EventDrivenWorker, ...]],
    with_worker: bool,
) -> None:
    ran = 0

    async def note() -> None:
        nonlocal ran
        ran += 1

    datastore = InMemoryDataStore()
    worker = EventDrivenWorker({"note": note}, datastore)
    scheduler = AsyncScheduler(datastore, worker if with_worker else None)
    for round_ in range(1, 4):
        for component in starts(scheduler, worker) * 2:
            await component.start()
        await scheduler.add_task("note")
        await turn(timedelta(0))
        assert ran == round_
        for component in ends(scheduler, worker) * 2:
            await component.shutdown()
        with pytest.raises(taskshed.NotRunningError):
            await scheduler.add_task("note")


async def test_a_worker_started_by_its_user_outlives_the_scheduler(clock: ManualClock, turn: Turn) -> None:
    ran = 0

    async def note() -> None:
        nonlocal ran
        ran += 1

    datastore = InMemoryDataStore()
    worker = EventDrivenWorker({"note": note}, datastore)
    scheduler = AsyncScheduler(datastore, worker)
    await scheduler.start()
    await worker.start()
    await scheduler.add_task("note", clock.time + SECOND)
    await scheduler.shutdown()
    await turn(SECOND)
    assert ran == 1
    await worker.shutdown()


async def test_a_datastore_stays_open_until_its_last_user_has_ended(clock: ManualClock, turn: Turn) -> None:
    ran = 0

    async def note() -> None:
        nonlocal ran
        ran += 1

    datastore = InMemoryDataStore()
    async with taskshed.open_scheduler(datastore, callback_map={"note": note}) as scheduler:
        await datastore.shutdown()
        await scheduler.add_task("note")
        await turn(timedelta(0))
        assert ran == 1
    assert repr(datastore) == "<InMemoryDataStore not running>"


async def test_what_is_told_of_a_worker(clock: ManualClock, turn: Turn) -> None:
    datastore = InMemoryDataStore()
    worker = EventDrivenWorker({"work": Work()}, datastore)
    assert repr(worker) == "<EventDrivenWorker not running>"
    async with AsyncScheduler(datastore, worker) as scheduler:
        await turn(timedelta(0))
        assert repr(worker) == "<EventDrivenWorker running=0 next=when told>"
        due = clock.time + timedelta(seconds=3, milliseconds=250)
        await scheduler.add_task("work", due)
        await turn(timedelta(0))
        assert repr(worker) == f"<EventDrivenWorker running=0 next={due.astimezone():%H:%M:%S}.250>"
        assert "InMemoryDataStore running" in repr(scheduler)
        await scheduler.remove_all_tasks()


async def test_an_exception_from_the_body_comes_out_bare(clock: ManualClock) -> None:
    with pytest.raises(ZeroDivisionError):
        async with taskshed.open_scheduler(callback_map={"work": Work()}):
            raise ZeroDivisionError
