"""What is told of tasks and runs: to listeners, in the log, and as statistics."""

import logging
from datetime import timedelta
from typing import Any

import anyio
import msgspec
import pytest
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed import RetryPolicy, events
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import WorkerStatistics

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


async def succeed() -> None: ...


async def fail() -> None:
    raise ValueError("boom")


CALLBACKS: dict[str, Any] = {"succeed": succeed, "fail": fail, "endless": anyio.sleep_forever}


def brief(event: events.Event) -> tuple[str, str | None]:
    return type(event).__name__, getattr(event, "task_id", None)


async def test_everything_that_happens_to_tasks_is_told_in_order(clock: ManualClock, turn: Turn) -> None:
    told: list[events.Event] = []

    async def listen(scheduler: AsyncScheduler) -> None:
        async with scheduler.events() as heard:
            told.extend([event async for event in heard])

    start = clock.time
    settings: dict[str, Any] = {"callback_map": CALLBACKS, "shutdown_timeout": timedelta(0)}
    async with anyio.create_task_group() as tasks, taskshed.open_scheduler(**settings) as scheduler:
        tasks.start_soon(listen, scheduler)
        await turn(timedelta(0))
        await scheduler.add_task("succeed", task_id="a", group_id="g")
        await turn(timedelta(0))
        await scheduler.add_task("fail", task_id="b", retry=RetryPolicy(max_attempts=2, delay=SECOND))
        await turn(timedelta(0))
        await turn(SECOND)
        await scheduler.add_task("endless", task_id="c")
        await turn(timedelta(0))
        await scheduler.cancel_tasks(task_ids=["c"])
        await turn(timedelta(0))
        await scheduler.add_task("endless", start, task_id="d", misfire_grace=SECOND / 2)
        await turn(timedelta(0))
        await scheduler.remove_tasks(status="failed")
        await scheduler.pause_tasks(group_id="g")
        await turn(timedelta(0))
    assert [brief(event) for event in told] == [
        ("TaskAdded", "a"),
        ("RunStarted", "a"),
        ("RunSucceeded", "a"),
        ("TaskAdded", "b"),
        ("RunStarted", "b"),
        ("RunRetried", "b"),
        ("RunStarted", "b"),
        ("RunFailed", "b"),
        ("TaskAdded", "c"),
        ("RunStarted", "c"),
        ("TasksChanged", None),
        ("RunCancelled", "c"),
        ("TaskAdded", "d"),
        ("RunSkipped", "d"),
        ("TasksChanged", None),
        ("TasksChanged", None),
    ]
    retried = next(event for event in told if isinstance(event, events.RunRetried))
    assert (retried.at, retried.attempt, retried.run_at) == (start, 1, start)
    assert (retried.retry_at, retried.error) == (start + SECOND, "callback 'fail': ValueError: boom")
    assert retried.traceback is not None
    changes = [event for event in told if isinstance(event, events.TasksChanged)]
    assert [(event.change, event.task_ids, event.group_id, event.status) for event in changes] == [
        ("cancelled", ("c",), None, None),
        ("removed", None, None, "failed"),
        ("paused", None, "g", None),
    ]


async def test_a_task_that_was_kept_is_not_told_as_added(clock: ManualClock) -> None:
    async with taskshed.open_scheduler() as scheduler, scheduler.events() as heard:
        await scheduler.add_task("a", task_id="a")
        await scheduler.add_task("a", task_id="a", replace_existing=False)
        await scheduler.add_tasks([taskshed.Task(callback="b", task_id="b"), taskshed.Task(callback="c", task_id="c")])
        assert [brief(await anext(heard))[1] for _ in range(3)] == ["a", "b", "c"]


async def test_a_listener_that_never_listens_holds_nobody_up(clock: ManualClock, turn: Turn) -> None:
    async with taskshed.open_scheduler(callback_map=CALLBACKS) as scheduler, scheduler.events(size=5) as heard:
        await scheduler.add_tasks(taskshed.Task(callback="succeed") for _ in range(1000))
        while await scheduler.fetch_all_tasks():
            await turn(timedelta(0))
        first = [brief(await anext(heard))[0] for _ in range(6)]
        assert first == ["TaskAdded"] * 5 + ["EventsMissed"]


async def test_events_are_frozen(clock: ManualClock) -> None:
    for kind in vars(events).values():
        if isinstance(kind, type) and issubclass(kind, events.Event):
            assert kind.__struct_config__.frozen
            assert msgspec.inspect.type_info(kind) is not None


def logged(caplog: pytest.LogCaptureFixture, text: str) -> logging.LogRecord:
    """The one line with this text."""
    (line,) = [record for record in caplog.records if text in record.getMessage()]
    return line


async def test_the_log_tells_task_callback_attempt_and_lag_as_fields(
    clock: ManualClock, turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "taskshed")
    async with taskshed.open_scheduler(callback_map=CALLBACKS) as scheduler:
        await scheduler.add_task("fail", clock.time - 2 * SECOND, task_id="t", retry=RetryPolicy(max_attempts=2))
        await turn(timedelta(0))
        await turn(SECOND)
    lines = {
        "Task t runs 'fail' 0:00:02 late": (logging.DEBUG, 1, 2.0),
        "Task t failed and is tried again: callback 'fail': ValueError: boom": (logging.WARNING, 1, 2.0),
        "Task t runs 'fail' 0:00:00 late": (logging.DEBUG, 2, 0.0),
        "Task t failed: callback 'fail': ValueError: boom": (logging.ERROR, 2, 0.0),
    }
    for text, (level, attempt, lag) in lines.items():
        line = logged(caplog, text)
        fields = {name: line.__dict__[name] for name in ("task_id", "callback", "attempt", "lag")}
        assert (line.levelno, fields) == (
            level,
            {"task_id": "t", "callback": "fail", "attempt": attempt, "lag": lag},
        )
        assert (line.exc_info is not None) == (level >= logging.WARNING)


async def test_a_name_that_looks_like_a_format_is_logged_as_it_is(
    clock: ManualClock, turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "taskshed")
    async with taskshed.open_scheduler(callback_map={"100%s %d": succeed}) as scheduler:
        await scheduler.add_task("100%s %d", task_id="%s")
        await turn(timedelta(0))
    assert logged(caplog, "Task %s runs '100%s %d' 0:00:00 late").levelno == logging.DEBUG


async def test_arguments_are_neither_logged_nor_shown(
    clock: ManualClock, turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def fail_with(password: str) -> None:
        raise ValueError("boom")

    async with taskshed.open_scheduler(callback_map={"fail": fail_with}) as scheduler:
        async with scheduler.events() as heard:
            task = await scheduler.add_task("fail", kwargs={"password": "s3cret"})
            await turn(timedelta(0))
            shown = [repr(task), repr(scheduler), repr(await scheduler.fetch_all_tasks())]
            shown += [repr(await anext(heard)) for _ in range(3)]
        with pytest.raises(TypeError, match="tasks must be") as caught:
            await scheduler.update_execution_times(tasks=[{"password": "s3cret"}])  # type: ignore[list-item]
        assert "s3cret" not in caplog.text + "".join(shown)
        assert "password" in repr(task)
        del caught


async def test_what_a_worker_has_done_is_counted(clock: ManualClock, turn: Turn) -> None:
    settings: dict[str, Any] = {"callback_map": CALLBACKS, "shutdown_timeout": timedelta(0)}
    async with taskshed.open_scheduler(**settings) as scheduler:
        worker = scheduler.worker
        assert worker is not None
        await scheduler.add_task("succeed")
        await scheduler.add_task("fail")
        await scheduler.add_task("fail", retry=RetryPolicy(max_attempts=2, delay=SECOND))
        await scheduler.add_task("endless", task_id="cancelled")
        await scheduler.add_task("endless", task_id="moved")
        await scheduler.add_task("succeed", clock.time - SECOND, misfire_grace=SECOND / 2)
        await turn(timedelta(0))
        await scheduler.cancel_tasks(task_ids=["cancelled"])
        await scheduler.remove_tasks(task_ids=["moved"])
        await turn(timedelta(0))
        counted = worker.statistics()
        assert counted == WorkerStatistics(
            running=1,
            next_look=clock.time + SECOND,
            started=5,
            succeeded=1,
            failed=1,
            retried=1,
            cancelled=1,
            released=0,
            skipped=1,
            leases_lost=0,
            settlements_refused=0,
        )
        await worker.shutdown()
        assert worker.statistics().released == 1
        assert worker.statistics().settlements_refused == 1
