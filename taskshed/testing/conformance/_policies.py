"""Policies: what becomes of the occurrences that came while nobody worked, when real workers find them."""

from datetime import datetime, timedelta
from typing import Any

import anyio
import msgspec
import pytest

from taskshed._clock import to_micros
from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Everything
from taskshed.models import Task
from taskshed.testing.conformance._builders import add, failure_of, fetch_only, peek
from taskshed.testing.conformance._outages import (
    ALL,
    DAY,
    HOUR,
    LAST,
    MINUTE,
    OUTAGE,
    ROWS,
    SHAPES,
    TEN_MINUTES,
    Case,
    Row,
    case_of,
    occurrences,
)
from taskshed.testing.conformance._workers import present, work_off
from taskshed.workers import EventDrivenWorker, PollingWorker, Worker, current_occurrence

POLLED = ("hourly, one run", "hourly, each, up to 90 minutes late", "daily, each", "ended, each", "at most 3, each")
KINDS = ("event-driven", "polling")

_each_row = pytest.mark.parametrize("name", ROWS)
_each_shape = pytest.mark.parametrize("shape", SHAPES)
_each_kind = pytest.mark.parametrize("kind", KINDS)
_each_coalesce = pytest.mark.parametrize("coalesce", [True, False], ids=["one run", "each"])


class Ringing:
    """A callback that notes which occurrences it was called for, and then may fail."""

    def __init__(self, error: str = "") -> None:
        self.ran: dict[str, list[datetime]] = {}
        self._error = error

    async def __call__(self) -> None:
        occurrence = current_occurrence()
        self.ran.setdefault(occurrence.task_id, []).append(occurrence.run_at)
        if self._error:
            raise ValueError(self._error)


def _worker(kind: str, callback: Ringing, datastore: DataStore) -> Worker:
    if kind == "polling":
        return PollingWorker({"ring": callback}, datastore, polling_interval=HOUR)
    return EventDrivenWorker({"ring": callback}, datastore)


async def _ran(datastore: DataStore, task: Task, kind: str = "event-driven", error: str = "") -> list[datetime]:
    """Add a task and run what is due; returns the occurrences that ran."""
    ringing = Ringing(error)
    await add(datastore, task)
    with anyio.fail_after(20):
        async with _worker(kind, ringing, datastore) as worker:
            await worker.work_off()
    return ringing.ran.get(task.task_id, [])


async def _see_what_is_left(datastore: DataStore, row: Row, case: Case) -> None:
    left = await datastore.fetch(ById((case.task.task_id,)))
    found = left[0] if left else case.task
    assert left == case.after(row, found)
    if left and row.skipped:
        assert _tells_of_skipping(found.error, case.task)
    else:
        assert found.error is None


def _tells_of_skipping(error: str | None, task: Task) -> bool:
    return error is not None and "skipped" in error and f"misfire_grace is {task.misfire_grace}" in error


def _task(task_id: str, run_at: datetime, **fields: Any) -> Task:
    return Task(callback="ring", task_id=task_id, run_at=run_at, **fields)


class PoliciesConformance:
    @_each_row
    async def test_after_an_outage(self, datastore: DataStore, name: str) -> None:
        row = ROWS[name]
        case = case_of(row, "interval", await present(datastore))
        assert await _ran(datastore, case.task) == case.missed[row.ran]
        await _see_what_is_left(datastore, row, case)

    @pytest.mark.parametrize("name", POLLED)
    async def test_after_an_outage_with_a_polling_worker(self, datastore: DataStore, name: str) -> None:
        row = ROWS[name]
        case = case_of(row, "cron", await present(datastore))
        assert await _ran(datastore, case.task, "polling") == case.missed[row.ran]
        await _see_what_is_left(datastore, row, case)

    @_each_shape
    async def test_after_an_outage_each_task_goes_its_own_way(self, datastore: DataStore, shape: str) -> None:
        now = await present(datastore)
        cases = {name: case_of(row, shape, now, task_id=name) for name, row in ROWS.items()}
        await add(datastore, *(case.task for case in cases.values()))
        ringing = Ringing()
        with anyio.fail_after(20):
            async with (
                _worker("event-driven", ringing, datastore) as one,
                _worker("polling", ringing, datastore) as two,
            ):
                await work_off(datastore, one, two)
        assert ringing.ran == {name: ran for name, case in cases.items() if (ran := case.missed[ROWS[name].ran])}
        for name, case in cases.items():
            await _see_what_is_left(datastore, ROWS[name], case)

    @pytest.mark.parametrize("grace", [None, 10 * MINUTE, 4 * DAY], ids=["always", "10 minutes", "4 days"])
    async def test_a_late_one_off_runs_or_is_kept_as_failed(
        self, datastore: DataStore, grace: timedelta | None
    ) -> None:
        due = await present(datastore) - OUTAGE
        task = Task(callback="ring", task_id="a", run_at=due, misfire_grace=grace)
        ran = await _ran(datastore, task)
        if grace == 10 * MINUTE:
            failed = await fetch_only(datastore, "a")
            assert ran == []
            assert _tells_of_skipping(failed.error, task)
            assert failed == msgspec.structs.replace(task, status="failed", **failure_of(failed))
        else:
            assert ran == [due]
            assert await datastore.fetch(Everything()) == []

    @_each_coalesce
    async def test_of_a_cron_schedule_a_thousand_are_counted(self, datastore: DataStore, coalesce: bool) -> None:
        now = await present(datastore)
        hours = ",".join(f"{(now.hour + hour) % 24}" for hour in range(8, 16))  # far from now
        any_time = _task("a", now - OUTAGE, cron=f"* {hours} * * *", coalesce=coalesce, **TEN_MINUTES)
        _, *missed, following = occurrences(any_time, now)
        assert len(missed) == 3 * 8 * 60
        task = msgspec.structs.replace(any_time, run_at=missed[0])
        assert await _ran(datastore, task) == []
        left = await fetch_only(datastore, "a")
        assert (left.run_at, left.runs, left.skipped, left.status) == (following, 0, 1000, "scheduled")
        assert _tells_of_skipping(left.error, task)

    @_each_kind
    @_each_coalesce
    async def test_a_fixed_delay_counts_from_the_end_of_the_run(
        self, datastore: DataStore, coalesce: bool, kind: str
    ) -> None:
        before = await present(datastore)
        task = _task("a", before - OUTAGE - 20 * MINUTE, interval=HOUR, fixed_delay=True, coalesce=coalesce)
        assert await _ran(datastore, task, kind) == [task.run_at]
        left = await fetch_only(datastore, "a")
        assert before + HOUR <= left.run_at <= await present(datastore) + HOUR
        assert left == msgspec.structs.replace(task, run_at=left.run_at, runs=1)

    @_each_coalesce
    async def test_a_fixed_delay_counts_from_a_run_that_is_skipped(self, datastore: DataStore, coalesce: bool) -> None:
        before = await present(datastore)
        task = _task(
            "a", before - OUTAGE - 20 * MINUTE, interval=HOUR, fixed_delay=True, coalesce=coalesce, **TEN_MINUTES
        )
        assert await _ran(datastore, task) == []
        left = await fetch_only(datastore, "a")
        assert before + HOUR <= left.run_at <= await present(datastore) + HOUR
        assert left == msgspec.structs.replace(task, run_at=left.run_at, skipped=1, error=left.error)
        assert _tells_of_skipping(left.error, task)

    @_each_shape
    @_each_coalesce
    async def test_jitter_leaves_the_schedule_where_it_is(
        self, datastore: DataStore, coalesce: bool, shape: str
    ) -> None:
        row = Row("daily", {"coalesce": coalesce, "jitter": 10 * MINUTE}, LAST if coalesce else ALL)
        case = case_of(row, shape, await present(datastore))
        assert await _ran(datastore, case.task) == case.missed[row.ran]
        left = await fetch_only(datastore, "a")
        assert timedelta(0) <= left.delayed <= 10 * MINUTE
        assert [msgspec.structs.replace(left, delayed=timedelta(0))] == case.after(row, left)
        assert (await peek(datastore)).next_due == to_micros(left.run_at + left.delayed)

    @_each_coalesce
    async def test_a_task_whose_last_run_fails_is_kept(self, datastore: DataStore, coalesce: bool) -> None:
        row = Row("daily", {"coalesce": coalesce}, LAST if coalesce else ALL, of=3, then="failed")
        case = case_of(row, "interval", await present(datastore))
        ran = await _ran(datastore, case.task, error="no bell")
        assert ran == case.missed[row.ran]
        left = await fetch_only(datastore, "a")
        assert (left.status, left.runs, left.skipped) == ("failed", len(ran), 0)
        assert left.error is not None
        assert "no bell" in left.error

    @_each_coalesce
    async def test_a_task_whose_run_fails_goes_on(self, datastore: DataStore, coalesce: bool) -> None:
        row = Row("daily", {"coalesce": coalesce}, LAST if coalesce else ALL)
        case = case_of(row, "interval", await present(datastore))
        assert await _ran(datastore, case.task, error="no bell") == case.missed[row.ran]
        left = await fetch_only(datastore, "a")
        assert [left] == case.after(row, left)
        assert left.error == "callback 'ring': ValueError: no bell"
        assert left.traceback is not None
        assert left.traceback.endswith("ValueError: no bell\n")
