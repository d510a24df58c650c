"""When occurrences run."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed.datastores import InMemoryDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker, PollingWorker, current_occurrence

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


class Runs:
    """A callback that notes which occurrence it was called for, and when."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.due: list[datetime] = []
        self.at: list[datetime] = []
        self.ids: list[str] = []

    async def __call__(self) -> None:
        occurrence = current_occurrence()
        self.due.append(occurrence.run_at)
        self.at.append(self.clock.time)
        self.ids.append(occurrence.task_id)
        assert self.clock.time - occurrence.run_at == occurrence.lag


@pytest.fixture
def runs(clock: ManualClock) -> Runs:
    return Runs(clock)


async def test_a_task_runs_at_its_time_and_not_a_microsecond_before(clock: ManualClock, turn: Turn, runs: Runs) -> None:
    due = clock.time + SECOND
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        task = await scheduler.add_task("note", due)
        await turn(SECOND - MICROSECOND)
        assert runs.at == []
        await turn(MICROSECOND)
        assert runs.at == [due]
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == []


async def test_a_task_without_a_time_runs_at_once(clock: ManualClock, turn: Turn, runs: Runs) -> None:
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        await scheduler.add_task("note")
        await turn(timedelta(0))
        assert runs.at == [clock.time]


async def test_an_earlier_task_wakes_a_worker_that_waits_for_a_later_one(
    clock: ManualClock, turn: Turn, runs: Runs
) -> None:
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        await scheduler.add_task("note", clock.time + 10 * SECOND, task_id="later")
        await turn(SECOND)
        await scheduler.add_task("note", clock.time + SECOND, task_id="earlier")
        await turn(SECOND)
        assert runs.ids == ["earlier"]
        await turn(8 * SECOND)
        assert runs.ids == ["earlier", "later"]


async def test_tasks_of_one_moment_run_in_the_order_they_were_added(clock: ManualClock, turn: Turn, runs: Runs) -> None:
    due = clock.time + SECOND
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        tasks = [taskshed.Task(callback="note", run_at=due) for _ in range(50)]
        await scheduler.add_tasks(tasks)
        await turn(SECOND)
        assert runs.ids == [task.task_id for task in tasks]


async def test_a_recurring_task_stays_on_its_grid(clock: ManualClock, turn: Turn, runs: Runs) -> None:
    start = clock.time + SECOND
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        await scheduler.add_task("note", start, run_type="recurring", interval=3 * SECOND)
        for _ in range(1000):
            await turn(timedelta(milliseconds=500))
    grid = [start + n * 3 * SECOND for n in range(167)]
    assert runs.due == grid
    assert runs.at == grid


@pytest.mark.parametrize(("coalesce", "made_up"), [(True, 1), (False, 11)])
async def test_missed_occurrences_become_one_run_or_a_run_each(
    clock: ManualClock, turn: Turn, runs: Runs, coalesce: bool, made_up: int
) -> None:
    datastore = InMemoryDataStore()
    start = clock.time
    async with taskshed.open_scheduler(datastore) as scheduler:
        await scheduler.add_task("note", start, run_type="recurring", interval=SECOND, coalesce=coalesce)
    clock.advance(10.5 * SECOND)  # nobody works
    async with taskshed.open_scheduler(datastore, callback_map={"note": runs}):
        await turn(timedelta(0))
        assert len(runs.at) == made_up
        await turn(0.5 * SECOND)
        assert runs.due[-1] == start + 11 * SECOND
        assert len(runs.at) == made_up + 1


async def test_a_moved_task_runs_at_its_new_time_alone(clock: ManualClock, turn: Turn, runs: Runs) -> None:
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        task = await scheduler.add_task("note", clock.time + 5 * SECOND)
        sooner = taskshed.TaskExecutionTime(task_id=task.task_id, run_at=clock.time + 2 * SECOND)
        await scheduler.update_execution_times(tasks=[sooner])
        await turn(2 * SECOND)
        assert runs.at == [sooner.run_at]
        await turn(10 * SECOND)
        assert runs.at == [sooner.run_at]


async def test_a_paused_task_waits_and_is_made_up_for_when_resumed(clock: ManualClock, turn: Turn, runs: Runs) -> None:
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        await scheduler.add_task("note", clock.time + SECOND, group_id="g")
        await scheduler.pause_tasks(group_id="g")
        await turn(5 * SECOND)
        assert runs.at == []
        await scheduler.resume_tasks(group_id="g")
        await turn(timedelta(0))
        assert runs.at == [clock.time]


async def test_setting_the_machines_clock_does_not_make_a_task_early(
    clock: ManualClock, turn: Turn, runs: Runs
) -> None:
    async with taskshed.open_scheduler(callback_map={"note": runs}) as scheduler:
        due = clock.time + 10 * SECOND
        await scheduler.add_task("note", due)
        await turn(SECOND)
        clock.step(-5 * SECOND)
        await turn(9 * SECOND)
        assert runs.at == []
        await turn(5 * SECOND)
        assert runs.at == [due]


WORKERS: list[Callable[[Runs, InMemoryDataStore], EventDrivenWorker | PollingWorker]] = [
    lambda runs, datastore: EventDrivenWorker({"note": runs}, datastore),
    lambda runs, datastore: PollingWorker({"note": runs}, datastore, polling_interval=SECOND),
]


@pytest.mark.parametrize("make_worker", WORKERS, ids=["event-driven", "polling"])
async def test_both_workers_run_everything_once(
    clock: ManualClock,
    turn: Turn,
    runs: Runs,
    make_worker: Callable[[Runs, InMemoryDataStore], EventDrivenWorker | PollingWorker],
) -> None:
    datastore = InMemoryDataStore()
    async with AsyncScheduler(datastore) as scheduler, make_worker(runs, datastore):
        tasks = [taskshed.Task(callback="note", run_at=clock.time + n * SECOND / 7) for n in range(100)]
        await scheduler.add_tasks(tasks)
        for _ in range(40):
            await turn(SECOND)
        assert sorted(runs.ids) == sorted(task.task_id for task in tasks)
        assert all(at >= due for at, due in zip(runs.at, runs.due, strict=True))


async def test_a_polling_worker_looks_at_its_interval_and_hears_nothing(
    clock: ManualClock, turn: Turn, runs: Runs
) -> None:
    datastore = InMemoryDataStore()
    worker = PollingWorker({"note": runs}, datastore, polling_interval=3 * SECOND)
    async with AsyncScheduler(datastore) as scheduler, worker:
        await turn(SECOND)
        await scheduler.add_task("note")
        await turn(SECOND)
        assert runs.at == []
        await turn(SECOND)
        assert runs.at == [clock.time]


async def test_a_polling_worker_works_off_a_backlog_without_waiting(clock: ManualClock, turn: Turn, runs: Runs) -> None:
    datastore = InMemoryDataStore()
    worker = PollingWorker({"note": runs}, datastore, polling_interval=SECOND, max_concurrency=3)
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_tasks(taskshed.Task(callback="note") for _ in range(100))
        async with worker:
            await turn(timedelta(0))
            assert len(runs.ids) == 100
