"""The runs that are to come."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskshed.models import Task

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EACH_HOUR: dict[str, Any] = {"run_at": NOON, "interval": HOUR}
BERLIN: dict[str, Any] = {"timezone": "Europe/Berlin"}


def hours(*numbers: int) -> list[datetime]:
    return [NOON + number * HOUR for number in numbers]


RUNS: dict[str, tuple[dict[str, Any], int, list[datetime]]] = {
    # fields, how many are asked for, what comes
    "once": ({"run_at": NOON}, 5, hours(0)),
    "once, failed": ({"run_at": NOON, "status": "failed"}, 5, []),
    "once, running": ({"run_at": NOON, "status": "running"}, 5, []),
    "interval, running": (EACH_HOUR | {"status": "running"}, 3, hours(1, 2, 3)),
    "interval, running for the last time": (EACH_HOUR | {"status": "running", "end_at": NOON}, 5, []),
    "interval, running, two of three done": (EACH_HOUR | {"status": "running", "max_runs": 3, "runs": 2}, 5, []),
    "interval, running, one of three done": (EACH_HOUR | {"status": "running", "max_runs": 3, "runs": 1}, 5, hours(1)),
    "once, paused": ({"run_at": NOON, "paused": True}, 5, hours(0)),
    "interval": (EACH_HOUR, 3, hours(0, 1, 2)),
    "interval, one": (EACH_HOUR, 1, hours(0)),
    "interval, failed": (EACH_HOUR | {"status": "failed"}, 5, []),
    "interval, jittered": (EACH_HOUR | {"jitter": MINUTE, "delayed": MINUTE}, 2, hours(0, 1)),
    "interval, fixed delay": (EACH_HOUR | {"fixed_delay": True}, 3, hours(0, 1, 2)),
    "interval, until one of them": (EACH_HOUR | {"end_at": NOON + 2 * HOUR}, 5, hours(0, 1, 2)),
    "interval, until right before": (EACH_HOUR | {"end_at": NOON + 2 * HOUR - timedelta.resolution}, 5, hours(0, 1)),
    "interval, until it begins": (EACH_HOUR | {"end_at": NOON}, 5, hours(0)),
    "interval, moved past its end": (EACH_HOUR | {"end_at": NOON - MINUTE}, 5, hours(0)),
    "interval, three runs": (EACH_HOUR | {"max_runs": 3}, 5, hours(0, 1, 2)),
    "interval, more runs than are asked for": (EACH_HOUR | {"max_runs": 3}, 2, hours(0, 1)),
    "interval, three runs, two done": (EACH_HOUR | {"max_runs": 3, "runs": 2}, 5, hours(0)),
    "interval, three runs, three done, and moved": (EACH_HOUR | {"max_runs": 3, "runs": 3}, 5, hours(0)),
    "interval, three runs, four done, and moved": (EACH_HOUR | {"max_runs": 3, "runs": 4}, 5, hours(0)),
    "interval, the first of both ends": (EACH_HOUR | {"max_runs": 3, "end_at": NOON + HOUR}, 5, hours(0, 1)),
    "interval, up to the year 9999": ({"run_at": LAST - HOUR, "interval": HOUR}, 5, [LAST - HOUR, LAST]),
    "interval, the longest": ({"run_at": NOON, "interval": timedelta.max}, 5, hours(0)),
    "cron": ({"run_at": NOON, "cron": "0 12,13 * * *"}, 3, hours(0, 1, 24)),
    "cron, begun besides": ({"run_at": NOON + MINUTE, "cron": "@hourly"}, 3, [NOON + MINUTE, *hours(1, 2)]),
    "cron, until one of them": ({"run_at": NOON, "cron": "@hourly", "end_at": NOON + HOUR}, 5, hours(0, 1)),
    "cron, clocks set forward over it": (
        BERLIN | {"run_at": datetime(2030, 3, 30, 1, 30, tzinfo=UTC), "cron": "30 2 * * *"},
        3,
        [datetime(2030, 3, day, *time, tzinfo=UTC) for day, time in [(30, (1, 30)), (31, (1, 0))]]
        + [datetime(2030, 4, 1, 0, 30, tzinfo=UTC)],
    ),
    "cron, clocks set back over it": (
        BERLIN | {"run_at": datetime(2030, 10, 26, 0, 30, tzinfo=UTC), "cron": "30 2 * * *"},
        3,
        [datetime(2030, 10, day, *time, tzinfo=UTC) for day, time in [(26, (0, 30)), (27, (0, 30)), (28, (1, 30))]],
    ),
    "cron each hour, clocks set back": (
        BERLIN | {"run_at": datetime(2030, 10, 27, 0, 30, tzinfo=UTC), "cron": "30 * * * *"},
        3,
        [datetime(2030, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)],
    ),
    "interval, clocks set back": (
        {"run_at": datetime(2030, 10, 26, 12, tzinfo=UTC), "interval": DAY},
        2,
        [datetime(2030, 10, day, 12, tzinfo=UTC) for day in (26, 27)],
    ),
}


@pytest.mark.parametrize(("fields", "n", "expected"), RUNS.values(), ids=RUNS)
def test_the_next_runs_are(fields: dict[str, Any], n: int, expected: list[datetime]) -> None:
    runs = Task(callback="ring", **fields).next_runs(n)
    assert runs == expected
    assert all(run.tzinfo is UTC for run in runs)


def test_five_are_told_unless_asked_for_another_number() -> None:
    assert Task(callback="ring", run_at=NOON, interval=HOUR).next_runs() == hours(0, 1, 2, 3, 4)


NO_NUMBERS: list[tuple[Any, type[Exception]]] = [(0, ValueError), (-1, ValueError), (True, TypeError), ("5", TypeError)]


@pytest.mark.parametrize(("n", "kind"), NO_NUMBERS, ids=str)
def test_no_number_of_runs_is_refused_by_name_and_value(n: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"n must be .*{n}"):
        Task(callback="ring").next_runs(n)


def test_many_runs_are_told_as_they_come_one_after_another() -> None:
    assert Task(callback="ring", run_at=NOON, interval=HOUR).next_runs(10_000) == hours(*range(10_000))
