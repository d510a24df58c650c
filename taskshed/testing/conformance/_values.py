"""Every field of a task comes back as it was, by value and by type."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskshed._clock import to_micros
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Move
from taskshed.models import Task
from taskshed.testing.conformance._builders import (
    PAST,
    add,
    add_failed,
    claim_only,
    due_task,
    fetch_only,
    later_task,
    settle,
    settlement,
)

KWARGS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "empty containers": {"list": [], "dict": {}, "lists": [[], [[]], {}], "dicts": {"": {}, "list": []}},
    "nested": {"a": [1, [2, {"b": [3, {"c": {"d": [4]}}]}]]},
    "floats": {"floats": [0.1, 1.0, -0.0, 1e300, 5e-324, 3.141592653589793]},
    "integers": {"integers": [0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)]},
    "constants": {"none": None, "true": True, "false": False, "list": [None, True, False]},
    "text": {"text": "", "quotes": "\"'`\\", "nul": "\x00", "lines": "a\r\nb\u2028c", "emoji": "🐌", "percent": "%s"},
    "key order": {"z": 1, "a": 2, "m": 3},
    "odd keys": {"": 1, " ": 2, "a.b": 3, "$set": 4, "🐌": 5, "self": 6, "name": 7},
}

DATES = {
    "epoch": datetime(1970, 1, 1, tzinfo=UTC),
    "first microsecond": datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    "leap day": datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
    "past 32 bits": datetime(2038, 1, 19, 3, 14, 8, 1, tzinfo=UTC),
    "past 53 bits": datetime(2255, 6, 5, 23, 47, 34, 740993, tzinfo=UTC),
    "last microsecond": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
}

INTERVALS = [
    timedelta(microseconds=1),
    timedelta(seconds=90, microseconds=1),
    timedelta(days=36500, seconds=1, microseconds=999999),
]

_each_date = pytest.mark.parametrize("date", DATES.values(), ids=DATES.keys())


class ValuesConformance:
    @pytest.mark.parametrize("kwargs", KWARGS.values(), ids=KWARGS.keys())
    async def test_kwargs_come_back(self, datastore: DataStore, kwargs: dict[str, Any]) -> None:
        await add(datastore, later_task("a", kwargs=kwargs))
        # As text, since 1 == 1.0 == True.
        assert repr((await fetch_only(datastore, "a")).kwargs) == repr(kwargs)

    async def test_kwargs_are_the_same_after_a_run(self, datastore: DataStore) -> None:
        task = due_task("a", kwargs=KWARGS["empty containers"] | KWARGS["floats"] | KWARGS["text"])
        await add(datastore, task)
        claimed = await claim_only(datastore, "a")
        await settle(datastore, settlement(claimed, "next"))
        assert repr((await fetch_only(datastore, "a")).kwargs) == repr(task.kwargs)

    async def test_a_big_text_comes_back(self, datastore: DataStore) -> None:
        task = later_task("a", kwargs={"text": "snail 🐌 " * 20_000})
        await add(datastore, task)
        assert await fetch_only(datastore, "a") == task

    @pytest.mark.parametrize("interval", INTERVALS, ids=str)
    async def test_interval_comes_back_to_the_microsecond(self, datastore: DataStore, interval: timedelta) -> None:
        await add(datastore, later_task("a", run_type="recurring", interval=interval))
        task = await fetch_only(datastore, "a")
        assert (task.run_type, task.interval) == ("recurring", interval)

    @pytest.mark.parametrize("coalesce", [True, False])
    async def test_coalesce_comes_back(self, datastore: DataStore, coalesce: bool) -> None:
        await add(datastore, later_task("a", coalesce=coalesce))
        assert (await fetch_only(datastore, "a")).coalesce is coalesce

    @_each_date
    async def test_run_at_comes_back_to_the_microsecond(self, datastore: DataStore, date: datetime) -> None:
        task = later_task("a", run_at=date)
        await add(datastore, task)
        assert await fetch_only(datastore, "a") == task

    @_each_date
    async def test_paused_at_comes_back_to_the_microsecond(self, datastore: DataStore, date: datetime) -> None:
        task = later_task("a", paused=True, paused_at=date)
        await add(datastore, task)
        assert await fetch_only(datastore, "a") == task

    @_each_date
    async def test_a_moved_run_at_comes_back_to_the_microsecond(self, datastore: DataStore, date: datetime) -> None:
        await add(datastore, later_task("a"))
        await datastore.ask(Move({"a": to_micros(date)}))
        assert (await fetch_only(datastore, "a")).run_at == date

    @_each_date
    async def test_a_settled_run_at_comes_back_to_the_microsecond(self, datastore: DataStore, date: datetime) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await settle(datastore, settlement(claimed, "next", run_at=to_micros(date)))
        assert (await fetch_only(datastore, "a")).run_at == date

    @pytest.mark.parametrize("error", ["it's 100% \\ {broken}\n🐌", "x" * 70_000], ids=["odd", "long"])
    async def test_an_error_text_comes_back(self, datastore: DataStore, error: str) -> None:
        await add_failed(datastore, due_task("a"), error)
        assert (await fetch_only(datastore, "a")).error == error

    async def test_all_fields_together_come_back(self, datastore: DataStore) -> None:
        task = Task(
            callback="pkg.ring",
            run_at=DATES["past 32 bits"],
            run_type="recurring",
            task_id="a",
            kwargs={"deep": [{"er": None}]},
            interval=timedelta(days=1, microseconds=1),
            group_id="g",
            paused=True,
            paused_at=PAST,
            coalesce=False,
        )
        await add(datastore, task)
        assert await fetch_only(datastore, "a") == task

    async def test_a_claim_brings_the_task_as_it_was_stored(self, datastore: DataStore) -> None:
        task = due_task("a", group_id="g", kwargs={"empty": [[], {}]})
        await add(datastore, task)
        claimed = await claim_only(datastore, "a")
        stored = await fetch_only(datastore, "a")
        assert (claimed.group_id, claimed.run_at, claimed.error) == ("g", to_micros(task.run_at), None)
        assert (stored.kwargs, stored.status, stored.attempts) == (task.kwargs, "running", 1)
