"""Runs that fail: tried again, given up, run anew."""

from datetime import timedelta
from typing import Any

import anyio
import pytest
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed import RetryPolicy
from taskshed.datastores import InMemoryDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker, current_occurrence

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)
THRICE = RetryPolicy(max_attempts=3, delay=SECOND, multiplier=2)


class Unsteady:
    """A callback that fails so often, and notes when and for which attempt it was called."""

    def __init__(self, clock: ManualClock, failures: int) -> None:
        self._clock = clock
        self._start = clock.time
        self._failures = failures
        self.calls: list[tuple[int, int]] = []

    async def __call__(self) -> None:
        at = (self._clock.time - self._start) // SECOND
        self.calls.append((current_occurrence().attempt, at))
        if len(self.calls) <= self._failures:
            raise ValueError("boom")


async def seconds_pass(turn: Turn, number: int) -> None:
    for _ in range(number):
        await turn(SECOND)


@pytest.mark.parametrize("own", [True, False], ids=["its own policy", "its worker's"])
async def test_a_run_that_fails_is_tried_again_until_it_succeeds(clock: ManualClock, turn: Turn, own: bool) -> None:
    callback = Unsteady(clock, failures=2)
    settings: dict[str, Any] = {} if own else {"retry": THRICE}
    async with taskshed.open_scheduler(callback_map={"work": callback}, **settings) as scheduler:
        await scheduler.add_task("work", task_id="t", retry=THRICE if own else None)
        await turn(timedelta(0))
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, task.attempts, task.error) == ("scheduled", 1, "callback 'work': ValueError: boom")
        assert (task.delayed, task.traceback is not None) == (SECOND, True)
        await seconds_pass(turn, 3)
        assert callback.calls == [(1, 0), (2, 1), (3, 3)]
        assert await scheduler.fetch_tasks(task_ids=["t"]) == []


async def test_a_one_off_that_is_out_of_attempts_is_kept_with_its_error_and_traceback(
    clock: ManualClock, turn: Turn
) -> None:
    async with taskshed.open_scheduler(callback_map={"work": Unsteady(clock, failures=9)}) as scheduler:
        await scheduler.add_task("work", task_id="t", retry=THRICE)
        await seconds_pass(turn, 10)
        (task,) = await scheduler.fetch_tasks(status="failed")
        assert (task.status, task.attempts, task.failed_at) == ("failed", 3, clock.time - 7 * SECOND)
        assert task.error == "callback 'work': ValueError: boom"
        assert task.traceback is not None
        assert task.traceback.startswith('Traceback (most recent call last):\n  File "' + __file__)
        assert "await call" not in task.traceback
        assert task.traceback.endswith("ValueError: boom\n")


async def test_a_recurring_task_that_is_out_of_attempts_goes_on(clock: ManualClock, turn: Turn) -> None:
    callback = Unsteady(clock, failures=3)
    async with taskshed.open_scheduler(callback_map={"work": callback}) as scheduler:
        await scheduler.add_task("work", task_id="t", interval=10 * SECOND, retry=THRICE)
        await seconds_pass(turn, 25)
        assert callback.calls == [(1, 0), (2, 1), (3, 3), (1, 10), (1, 20)]
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, task.runs, task.error) == ("scheduled", 3, "callback 'work': ValueError: boom")


async def test_runs_beside_others_are_tried_again_too(clock: ManualClock, turn: Turn) -> None:
    callback = Unsteady(clock, failures=1)
    async with taskshed.open_scheduler(callback_map={"work": callback}) as scheduler:
        await scheduler.add_task("work", task_id="t", interval=10 * SECOND, overlap="allow", retry=THRICE)
        await seconds_pass(turn, 5)
        assert callback.calls == [(1, 0), (2, 1)]
        assert [task.task_id for task in await scheduler.fetch_all_tasks()] == ["t"]


async def test_failed_tasks_run_anew_when_asked_to(clock: ManualClock, turn: Turn) -> None:
    callback = Unsteady(clock, failures=2)
    async with taskshed.open_scheduler(callback_map={"work": callback}) as scheduler:
        for task_id in ("a", "b"):
            await scheduler.add_task("work", task_id=task_id)
        await scheduler.add_task("work", clock.time + timedelta(days=1), task_id="c")
        await turn(timedelta(0))
        assert len(await scheduler.fetch_tasks(status="failed")) == 2
        await turn(SECOND)
        await scheduler.retry_tasks(status="failed")
        await turn(timedelta(0))
        assert callback.calls == [(1, 0), (1, 0), (1, 1), (1, 1)]
        assert [task.task_id for task in await scheduler.fetch_all_tasks()] == ["c"]
        with pytest.raises(taskshed.TaskNotFoundError, match="'a'"):
            await scheduler.retry_tasks(task_ids=["a", "c"])


async def test_failed_tasks_are_removed_by_age(clock: ManualClock, turn: Turn) -> None:
    async with taskshed.open_scheduler(callback_map={"work": Unsteady(clock, failures=9)}) as scheduler:
        await scheduler.add_task("work", task_id="old")
        await seconds_pass(turn, 60)
        await scheduler.add_task("work", task_id="young")
        await turn(timedelta(0))
        await scheduler.remove_tasks(status="failed", older_than=timedelta(minutes=1))
        assert [task.task_id for task in await scheduler.fetch_tasks(status="failed")] == ["young"]
        await scheduler.remove_tasks(status="failed")
        assert await scheduler.fetch_all_tasks() == []


async def test_a_worker_removes_what_has_failed_long_ago_if_told_to(clock: ManualClock, turn: Turn) -> None:
    settings: dict[str, Any] = {"failed_retention": timedelta(minutes=30)}
    callbacks = {"work": Unsteady(clock, failures=9)}
    async with taskshed.open_scheduler(callback_map=callbacks, **settings) as scheduler:
        await scheduler.add_task("work")
        await turn(timedelta(minutes=29))
        assert len(await scheduler.fetch_tasks(status="failed")) == 1
        for _ in range(31):
            await turn(timedelta(minutes=1))
        assert await scheduler.fetch_all_tasks() == []


async def test_a_run_that_takes_longer_than_its_timeout_is_cancelled_and_has_failed(
    clock: ManualClock, turn: Turn
) -> None:
    cleaned_up = []

    async def endless() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cleaned_up.append(clock.time)

    start = clock.time
    async with taskshed.open_scheduler(callback_map={"endless": endless}, timeout=9 * SECOND) as scheduler:
        await scheduler.add_task("endless", task_id="own", timeout=2 * SECOND)
        await scheduler.add_task("endless", task_id="workers", retry=RetryPolicy(max_attempts=2, delay=SECOND))
        await seconds_pass(turn, 9)
        assert cleaned_up == [start + 2 * SECOND, start + 9 * SECOND]
        own, workers = await scheduler.fetch_tasks(task_ids=["own", "workers"])
        assert own.status == "failed"
        assert own.error == "callback 'endless': TimeoutError: it took longer than its timeout of 0:00:02"
        assert (workers.status, workers.attempts) == ("scheduled", 1)
        await seconds_pass(turn, 10)
        assert [task.task_id for task in await scheduler.fetch_tasks(status="failed")] == ["own", "workers"]


async def test_a_run_that_ends_in_time_has_not_timed_out(clock: ManualClock, turn: Turn) -> None:
    release = anyio.Event()
    async with taskshed.open_scheduler(callback_map={"work": release.wait}) as scheduler:
        await scheduler.add_task("work", timeout=2 * SECOND)
        await turn(SECOND)
        release.set()
        await seconds_pass(turn, 3)
        assert await scheduler.fetch_all_tasks() == []


async def test_a_timeout_that_a_callback_raises_by_itself_is_its_own(clock: ManualClock, turn: Turn) -> None:
    async def impatient() -> None:
        raise TimeoutError("nobody answered")

    async with taskshed.open_scheduler(callback_map={"work": impatient}) as scheduler:
        await scheduler.add_task("work", timeout=SECOND)
        await turn(timedelta(0))
        (task,) = await scheduler.fetch_tasks(status="failed")
        assert task.error == "callback 'work': TimeoutError: nobody answered"


async def test_a_task_with_an_unknown_callback_can_be_left_for_workers_that_know_it(
    clock: ManualClock, turn: Turn
) -> None:
    callback = Unsteady(clock, failures=0)
    datastore = InMemoryDataStore()
    old = EventDrivenWorker({}, datastore, unknown_callback="leave")
    async with AsyncScheduler(datastore) as scheduler, old:
        await scheduler.add_task("work", task_id="t")
        await seconds_pass(turn, 5)
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert (task.status, task.attempts, task.error) == ("scheduled", 0, None)
        async with EventDrivenWorker({"work": callback}, datastore):
            await seconds_pass(turn, 30)
        assert [attempt for attempt, _ in callback.calls] == [1]
        assert await scheduler.fetch_all_tasks() == []


SETTINGS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "retry": ({"retry": 3}, TypeError, "retry must be a RetryPolicy"),
    "no time": ({"timeout": timedelta(0)}, ValueError, "timeout must be more than nothing"),
    "unknown": ({"unknown_callback": "ignore"}, ValueError, "unknown_callback must be 'fail' or 'leave'"),
    "retention": ({"failed_retention": 5}, TypeError, "failed_retention must be a timedelta, not 5"),
    "no such": ({"max_concurency": 5}, TypeError, "max_concurency"),
}


@pytest.mark.parametrize(("settings", "kind", "text"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_that_makes_no_sense_is_refused(settings: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        EventDrivenWorker({}, InMemoryDataStore(), **settings)
