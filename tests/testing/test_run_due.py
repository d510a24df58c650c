"""Running what is due now, and hearing of what it raises."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from taskshed import NotRunningError, open_scheduler
from taskshed.datastores import DataStore, InMemoryDataStore, SQLDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.testing import VirtualClock, run_due, virtual_clock
from taskshed.workers import EventDrivenWorker, PollingWorker

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


class Work:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def do(self, name: str) -> None:
        self.done.append(name)

    async def fail(self, name: str) -> None:
        self.done.append(name)
        raise ValueError(name)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture(params=["memory", "memory on a virtual clock", "sqlite"])
async def scheduler(request: pytest.FixtureRequest, work: Work) -> AsyncIterator[AsyncScheduler]:
    store: DataStore = SQLDataStore("sqlite://") if request.param == "sqlite" else InMemoryDataStore()
    callbacks = {"do": work.do, "fail": work.fail}
    if request.param.endswith("virtual clock"):
        async with virtual_clock(datetime.now(UTC)), open_scheduler(store, callback_map=callbacks) as scheduler:
            yield scheduler
    else:
        async with open_scheduler(store, callback_map=callbacks) as scheduler:
            yield scheduler


async def test_what_is_due_has_run(scheduler: AsyncScheduler, work: Work) -> None:
    past = datetime.now(UTC) - HOUR
    for n in range(300):
        await scheduler.add_task("do", run_at=past, kwargs={"name": f"{n}"})
    await scheduler.add_task("do", run_at=past + 3 * HOUR, kwargs={"name": "later"})
    await run_due(scheduler)
    assert sorted(work.done, key=int) == [f"{n}" for n in range(300)]
    assert [task.kwargs for task in await scheduler.fetch_all_tasks()] == [{"name": "later"}]


async def test_nothing_is_due(scheduler: AsyncScheduler, work: Work) -> None:
    await run_due(scheduler)
    await run_due(scheduler)
    assert work.done == []


async def test_what_a_run_schedules_for_now_has_run_too(scheduler: AsyncScheduler, work: Work) -> None:
    async def begin() -> None:
        await scheduler.add_task("do", run_at=datetime.now(UTC) - HOUR, kwargs={"name": "next"})

    scheduler.add_callback("begin", begin)
    await scheduler.add_task("begin", run_at=datetime.now(UTC) - HOUR)
    await run_due(scheduler)
    assert work.done == ["next"]


async def test_missed_occurrences_are_made_up_for(scheduler: AsyncScheduler, work: Work) -> None:
    first = datetime.now(UTC) - 3.5 * HOUR
    await scheduler.add_task("do", run_at=first, interval=HOUR, coalesce=False, kwargs={"name": "x"})
    await run_due(scheduler)
    assert work.done == ["x"] * 4


@pytest.fixture
async def on_virtual_clock(work: Work) -> AsyncIterator[tuple[AsyncScheduler, VirtualClock]]:
    async with virtual_clock() as clock, open_scheduler(callback_map={"do": work.do, "fail": work.fail}) as scheduler:
        yield scheduler, clock


Setting = tuple[AsyncScheduler, VirtualClock]


async def test_what_one_raises_is_raised(on_virtual_clock: Setting, work: Work) -> None:
    scheduler, _ = on_virtual_clock
    await scheduler.add_task("fail", kwargs={"name": "boom"})
    await scheduler.add_task("do", kwargs={"name": "fine"})
    with pytest.raises(ValueError, match="boom"):
        await run_due(scheduler)
    assert sorted(work.done) == ["boom", "fine"]
    await run_due(scheduler)


async def test_what_several_raise_is_a_group(on_virtual_clock: Setting) -> None:
    scheduler, _ = on_virtual_clock
    for name in ("a", "b"):
        await scheduler.add_task("fail", kwargs={"name": name})
    with pytest.raises(BaseExceptionGroup, match="2 tasks failed") as caught:
        await run_due(scheduler)
    assert sorted(map(str, caught.value.exceptions)) == ["a", "b"]


async def test_a_run_that_failed_before_the_call_is_heard_of(on_virtual_clock: Setting, work: Work) -> None:
    scheduler, _ = on_virtual_clock
    await scheduler.add_task("fail", kwargs={"name": "early"})
    while not work.done:
        await anyio.lowlevel.checkpoint()
    with pytest.raises(ValueError, match="early"):
        await run_due(scheduler)


async def test_runs_of_an_advance_are_its_own(on_virtual_clock: Setting, work: Work) -> None:
    scheduler, clock = on_virtual_clock
    await scheduler.add_task("fail", run_at=clock.now() + HOUR, kwargs={"name": "later"})
    await clock.advance(HOUR)
    assert work.done == ["later"]
    await run_due(scheduler)


async def test_failures_of_another_scheduler_are_not_raised(on_virtual_clock: Setting, work: Work) -> None:
    scheduler, _ = on_virtual_clock
    async with open_scheduler(callback_map={"fail": work.fail}) as other:
        await other.add_task("fail", kwargs={"name": "theirs"})
        await run_due(scheduler)
        assert work.done == ["theirs"]


async def test_on_the_machines_clock_what_is_raised_is_raised(work: Work) -> None:
    worker = PollingWorker({"fail": work.fail}, InMemoryDataStore(), timedelta(hours=1))
    async with open_scheduler(worker=worker) as scheduler:
        await run_due(scheduler)  # so that the worker has looked before
        await scheduler.add_task("fail", kwargs={"name": "boom"})
        with pytest.raises(ValueError, match="boom"):
            await run_due(scheduler)


async def test_a_scheduler_without_worker_cannot(work: Work) -> None:
    async with open_scheduler() as scheduler:
        with pytest.raises(RuntimeError, match="has no worker"):
            await run_due(scheduler)


async def test_a_worker_that_does_not_run_cannot() -> None:
    store = InMemoryDataStore()
    with pytest.raises(NotRunningError, match="EventDrivenWorker is not running"):
        await run_due(AsyncScheduler(store, EventDrivenWorker({}, store)))


async def test_shutting_down_lets_nobody_wait(work: Work) -> None:
    free = anyio.Event()
    store = InMemoryDataStore()
    worker = EventDrivenWorker({"stick": free.wait}, store, shutdown_timeout=timedelta(0))
    async with AsyncScheduler(store, worker) as scheduler, anyio.create_task_group() as tasks:
        await scheduler.add_task("stick")
        tasks.start_soon(run_due, scheduler)
        await anyio.wait_all_tasks_blocked()
        await worker.shutdown()


async def test_a_cancelled_call_leaves_the_worker_at_work(work: Work) -> None:
    free = anyio.Event()
    async with open_scheduler(callback_map={"stick": free.wait, "do": work.do}) as scheduler:
        await scheduler.add_task("stick")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_due, scheduler)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        await scheduler.add_task("do", kwargs={"name": "next"})
        free.set()
        await run_due(scheduler)
        assert work.done == ["next"]
        assert await scheduler.fetch_all_tasks() == []
