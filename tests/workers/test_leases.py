"""Claims, leases and tokens, as workers use them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed.datastores import DataStore, InMemoryDataStore
from taskshed.datastores._memory import MemoryStorage
from taskshed.datastores.commands import Claim, Command
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker, current_occurrence

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


class SpiedStorage(MemoryStorage):
    """Notes the limits of all claims."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        self.limits += [command.limit for command in commands if isinstance(command, Claim)]
        return await super().execute(commands)


async def test_a_backlog_is_worked_off_with_claims_that_never_exceed_the_free_slots(
    clock: ManualClock, turn: Turn
) -> None:
    running = most = done = 0

    async def work() -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await checkpoint()
        running -= 1
        done += 1

    storage = SpiedStorage()
    datastore = DataStore(storage)
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_tasks(taskshed.Task(callback="work") for _ in range(5000))
        async with EventDrivenWorker({"work": work}, datastore, max_concurrency=7):
            while done < 5000:
                await turn(timedelta(0))
    assert most == 7
    assert max(storage.limits) == 7


async def test_a_callback_ten_leases_long_runs_once_while_its_worker_lives(clock: ManualClock, turn: Turn) -> None:
    release = anyio.Event()
    started: list[int] = []

    async def long() -> None:
        started.append(current_occurrence().attempt)
        await release.wait()

    datastore = InMemoryDataStore()
    workers = [EventDrivenWorker({"long": long}, datastore, lease=3 * SECOND) for _ in range(2)]
    async with AsyncScheduler(datastore) as scheduler, workers[0], workers[1]:
        await scheduler.add_task("long", task_id="t")
        for _ in range(60):
            await turn(SECOND / 2)
        assert started == [1]
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert task.status == "running"
        release.set()
        await turn(timedelta(0))
        assert await scheduler.fetch_tasks(task_ids=["t"]) == []


async def test_what_a_crashed_worker_had_claimed_runs_elsewhere_when_the_lease_is_over(
    clock: ManualClock, turn: Turn
) -> None:
    attempts = []

    async def note() -> None:
        attempts.append((current_occurrence().attempt, clock.time))

    datastore = InMemoryDataStore()
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_task("note")
        claimed = await datastore.ask(Claim(limit=1, lease=5_000_000))  # by somebody who is never heard of again
        assert len(claimed.records) == 1
        async with EventDrivenWorker({"note": note}, datastore):
            await turn(4.9 * SECOND)
            assert attempts == []
            await turn(0.1 * SECOND)
            assert attempts == [(2, clock.time)]


async def test_two_workers_never_run_the_same_occurrence(clock: ManualClock, turn: Turn) -> None:
    ran: list[str] = []

    async def note() -> None:
        ran.append(current_occurrence().task_id)
        await checkpoint()

    datastore = InMemoryDataStore()
    workers = [EventDrivenWorker({"note": note}, datastore, max_concurrency=10) for _ in range(2)]
    async with AsyncScheduler(datastore) as scheduler, workers[0], workers[1]:
        tasks = [taskshed.Task(callback="note", run_at=clock.time + n % 3 * SECOND) for n in range(1000)]
        await scheduler.add_tasks(tasks)
        for _ in range(4):
            await turn(SECOND)
        assert sorted(ran) == sorted(task.task_id for task in tasks)


@pytest.mark.parametrize("change", ["move", "replace", "remove", "pause"])
async def test_what_is_changed_while_it_runs_stays_as_it_was_changed(
    clock: ManualClock, turn: Turn, change: str
) -> None:
    release = anyio.Event()
    ran = 0

    async def work() -> None:
        nonlocal ran
        ran += 1
        await release.wait()

    tomorrow = clock.time + timedelta(days=1)
    async with taskshed.open_scheduler(callback_map={"work": work}) as scheduler:
        await scheduler.add_task("work", task_id="t")
        await turn(timedelta(0))
        match change:
            case "move":
                await scheduler.update_execution_times(tasks=[taskshed.TaskExecutionTime(task_id="t", run_at=tomorrow)])
            case "replace":
                await scheduler.add_task("work", tomorrow, task_id="t")
            case "remove":
                await scheduler.remove_tasks(task_ids=["t"])
            case "pause":
                await scheduler.pause_tasks(task_ids=["t"])
        for _ in range(24):
            await turn(5 * SECOND)
        release.set()
        await turn(timedelta(minutes=2))
        left = await scheduler.fetch_tasks(task_ids=["t"])
        assert ran == 1
        assert [(task.run_at, task.status) for task in left] == (
            [(tomorrow, "scheduled")] if change in ("move", "replace") else []
        )


async def test_pausing_a_running_recurring_task_holds_back_its_next_occurrence(clock: ManualClock, turn: Turn) -> None:
    release = anyio.Event()
    ran = 0

    async def work() -> None:
        nonlocal ran
        ran += 1
        await release.wait()

    start = clock.time
    async with taskshed.open_scheduler(callback_map={"work": work}) as scheduler:
        await scheduler.add_task("work", start, run_type="recurring", interval=SECOND, task_id="t")
        await turn(timedelta(0))
        await scheduler.pause_tasks(task_ids=["t"])
        release.set()
        await turn(5.5 * SECOND)
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, task.paused, ran) == ("scheduled", True, 1)
        await scheduler.resume_tasks(task_ids=["t"])
        await turn(timedelta(0))
        assert ran == 2
