"""Whatever goes wrong with one task stays with it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed._failures import MAX_ERROR_LENGTH, describe_failure, joined
from taskshed._records import Record
from taskshed.datastores import InMemoryDataStore
from taskshed.datastores.commands import Add
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


class BrokenTextError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


async def raise_value_error() -> None:
    raise ValueError("boom")


async def raise_system_exit() -> None:
    raise SystemExit(3)


async def raise_group() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(raise_value_error)
        tasks.start_soon(raise_value_error)


async def raise_base_exception() -> None:
    raise BaseException("odd")  # noqa: TRY002 - the worst that a callback can do


async def raise_endless() -> None:
    raise ValueError("x" * 10_000_000)


async def raise_broken_text() -> None:
    raise BrokenTextError


async def take_number(number: int) -> None: ...


async def do_nothing() -> None: ...


CALLBACKS: list[Callable[..., Coroutine[Any, Any, None]]] = [
    raise_value_error,
    raise_system_exit,
    raise_group,
    raise_base_exception,
    raise_endless,
    raise_broken_text,
    take_number,
    do_nothing,
]
CALLBACK_MAP = {callback.__name__: callback for callback in CALLBACKS}

# What is asked for, and what its error says. Each is scheduled without a worker at hand, so that nothing is refused.
FAILURES: list[tuple[str, dict[str, Any], str]] = [
    ("raise_value_error", {}, "callback 'raise_value_error': ValueError: boom"),
    ("raise_system_exit", {}, "callback 'raise_system_exit': SystemExit: 3"),
    ("raise_group", {}, "callback 'raise_group': ExceptionGroup: "),
    ("raise_base_exception", {}, "callback 'raise_base_exception': BaseException: odd"),
    ("raise_endless", {}, "callback 'raise_endless': ValueError: xxx"),
    ("raise_broken_text", {}, "callback 'raise_broken_text': BrokenTextError: (its text cannot be had)"),
    ("take_number", {}, "callback 'take_number': TypeError: missing argument 'number'"),
    ("take_number", {"number": "six"}, "callback 'take_number': TypeError: argument 'number': Expected `int`"),
    ("take_number", {"number": 1, "name": 2}, "callback 'take_number': TypeError: unexpected argument 'name'"),
    ("nobody_knows", {}, "callback 'nobody_knows': IncorrectCallbackNameError: no callback is named 'nobody_knows'"),
]
by_failure = pytest.mark.parametrize(("callback", "kwargs", "text"), FAILURES, ids=[text for _, _, text in FAILURES])


@by_failure
async def test_a_one_off_that_fails_is_kept_with_its_error_and_the_worker_goes_on(
    clock: ManualClock, turn: Turn, callback: str, kwargs: dict[str, Any], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    datastore = InMemoryDataStore()
    async with AsyncScheduler(datastore) as scheduler, EventDrivenWorker(CALLBACK_MAP, datastore):
        await scheduler.add_task(callback, kwargs=kwargs, task_id="bad")
        await scheduler.add_task("do_nothing", clock.time + SECOND, task_id="good")
        await turn(SECOND)
        (bad,) = await scheduler.fetch_tasks(task_ids=["bad", "good"])
        assert (bad.task_id, bad.status, bad.attempts) == ("bad", "failed", 1)
        assert bad.error is not None
        assert bad.error.startswith(text)
        assert len(bad.error) <= 10_000
    assert any("bad" in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)


@by_failure
async def test_a_recurring_task_that_fails_goes_on_with_its_next_occurrence(
    clock: ManualClock, turn: Turn, callback: str, kwargs: dict[str, Any], text: str
) -> None:
    datastore = InMemoryDataStore()
    start = clock.time
    async with AsyncScheduler(datastore) as scheduler, EventDrivenWorker(CALLBACK_MAP, datastore):
        await scheduler.add_task(callback, start, kwargs, run_type="recurring", interval=SECOND, task_id="bad")
        for _ in range(3):
            await turn(SECOND)
        (bad,) = await scheduler.fetch_tasks(task_ids=["bad"])
        assert (bad.status, bad.attempts, bad.run_at) == ("scheduled", 0, start + 4 * SECOND)
        assert bad.error is not None
        assert bad.error.startswith(text)


def test_an_error_is_kept_as_text_that_every_store_can_hold() -> None:
    text = joined(describe_failure("f", ValueError("\ud800\0" + "x" * 20_000)))
    assert text.startswith("callback 'f': ValueError: \\ud800\\x00xxx")
    assert len(text.encode()) <= MAX_ERROR_LENGTH + 10


async def test_a_recurring_task_keeps_its_last_error_when_it_works_again(clock: ManualClock, turn: Turn) -> None:
    outcomes = [ValueError("first"), ValueError("second"), None, None]

    async def unsteady() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    async with taskshed.open_scheduler(callback_map={"unsteady": unsteady}) as scheduler:
        await scheduler.add_task("unsteady", run_type="recurring", interval=SECOND, task_id="t")
        for _ in range(3):
            await turn(SECOND)
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert outcomes == []
        assert task.error == "callback 'unsteady': ValueError: second"


UNREADABLE = [
    "",
    "{",
    "[]",
    "{}",
    '{"callback": 5}',
    '{"callback": "do_nothing", "kwargs": [1]}',
    '{"callback": "do_nothing", "schedule": "soon"}',
    '{"callback": "do_nothing", "schedule": {"type": "sometimes"}}',
    '{"callback": "do_nothing", "schedule": {"type": "interval", "every": "PT0S"}}',
    '{"callback": "do_nothing", "schedule": {"type": "cron", "expression": "60 * * * *"}}',
]


@pytest.mark.parametrize("body", UNREADABLE)
async def test_a_stored_task_that_cannot_be_read_fails_and_is_kept(clock: ManualClock, turn: Turn, body: str) -> None:
    async with taskshed.open_scheduler(callback_map=CALLBACK_MAP) as scheduler:
        store = scheduler.datastore
        await store.ask(Add((Record(task_id="odd", group_id="g", body=body, run_at=clock.now()),)))
        (before,) = await scheduler.fetch_tasks(group_id="g")
        await scheduler.add_task("do_nothing", clock.time + SECOND, task_id="good")
        await turn(SECOND)
        (after,) = await scheduler.fetch_tasks(task_ids=["odd", "good"])
        for task in (before, after):
            assert (task.task_id, task.status) == ("odd", "failed")
            assert task.error is not None


async def test_a_body_of_an_older_or_newer_taskshed_still_runs(clock: ManualClock, turn: Turn) -> None:
    async with taskshed.open_scheduler(callback_map=CALLBACK_MAP) as scheduler:
        bodies = ['{"callback":"do_nothing"}', '{"callback":"do_nothing","interval":"soon","future":{"a":1}}']
        records = tuple(Record(task_id=str(n), body=body, run_at=clock.now()) for n, body in enumerate(bodies))
        await scheduler.datastore.ask(Add(records))
        await turn(timedelta(0))
        assert await scheduler.fetch_tasks(task_ids=["0", "1"]) == []


async def test_a_callback_that_cancels_itself_fails_and_its_executor_goes_on(
    clock: ManualClock, turn: Turn, anyio_backend_name: str
) -> None:
    ran = []

    async def cancel_itself() -> None:
        if anyio_backend_name == "trio":
            with anyio.CancelScope() as scope:
                scope.cancel()
                await anyio.sleep_forever()
            raise ValueError("cancelled")
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await anyio.sleep_forever()

    async def note() -> None:
        ran.append(taskshed.current_occurrence().task_id)
        await checkpoint()  # fails if a cancellation was left over

    callback_map = {"cancel_itself": cancel_itself, "note": note}
    async with taskshed.open_scheduler(callback_map=callback_map, max_concurrency=1) as scheduler:
        await scheduler.add_task("cancel_itself", task_id="c")
        for n in range(3):
            await scheduler.add_task("note", clock.time + n * SECOND, task_id=str(n))
        for _ in range(3):
            await turn(SECOND)
        assert ran == ["0", "1", "2"]
        (task,) = await scheduler.fetch_tasks(task_ids=["c"])
        assert task.status == "failed"
