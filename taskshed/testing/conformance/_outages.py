"""Tasks that came due while nobody worked, and what their policies make of that.

Nobody works for three days, up to now. The store's clock goes on during a test, so no occurrence and no grace ends
near its present time: the last occurrence came 20 minutes ago and the next comes in 40, or 5 hours ago and in 19.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from taskshed.models import Task
from taskshed.testing.conformance._builders import failure_of

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OUTAGE = 3 * DAY
BERLIN = ZoneInfo("Europe/Berlin")

Fields = dict[str, Any]


def _hourly(now: datetime) -> Fields:
    return {"interval": HOUR, "run_at": now - OUTAGE - 20 * MINUTE}


def _hourly_cron(now: datetime) -> Fields:
    last = (now - 20 * MINUTE).astimezone(BERLIN)
    return _cron(f"{last.minute} * * * *", now - OUTAGE - 30 * MINUTE)


def _daily(now: datetime) -> Fields:
    return {"interval": DAY, "run_at": now - OUTAGE - 5 * HOUR}


def _daily_cron(now: datetime) -> Fields:
    last = (now - 5 * HOUR).astimezone(BERLIN)
    return _cron(f"{last.minute} {last.hour} * * *", now - OUTAGE - 7 * HOUR)


def _cron(expression: str, before: datetime) -> Fields:
    started = Task(callback="ring", cron=expression, timezone="Europe/Berlin", run_at=before).schedule
    assert started is not None
    return {"cron": expression, "timezone": "Europe/Berlin", "run_at": started.next_after(before)}


SHAPES: dict[str, dict[str, Callable[[datetime], Fields]]] = {
    "interval": {"hourly": _hourly, "daily": _daily},
    "cron": {"hourly": _hourly_cron, "daily": _daily_cron},
}
MISSED = {"hourly": 73, "daily": 4}

NONE, LAST, ALL = slice(0), slice(-1, None), slice(None)
TEN_MINUTES: Fields = {"misfire_grace": 10 * MINUTE}
NINETY_MINUTES: Fields = {"misfire_grace": 90 * MINUTE}
TWO_DAYS: Fields = {"misfire_grace": 2 * DAY}
FOUR_DAYS: Fields = {"misfire_grace": 4 * DAY}
EACH: Fields = {"coalesce": False}


class Row(NamedTuple):
    """One task, and what becomes of it.

    Attributes:
        when: "hourly" or "daily".
        policy: fields of the task.
        ran: which of its missed occurrences run.
        skipped: how many of them are passed over.
        then: whether the task goes on with its next occurrence, is deleted, or is kept as failed.
        of: how many occurrences it had until its `end_at`, which is at the last one.
    """

    when: Literal["hourly", "daily"]
    policy: Fields
    ran: slice
    skipped: int = 0
    then: Literal["goes on", "deleted", "failed"] = "goes on"
    of: int | None = None


ROWS: dict[str, Row] = {
    "hourly, one run": Row("hourly", {}, LAST),
    "hourly, one run, up to 10 minutes late": Row("hourly", TEN_MINUTES, NONE, skipped=73),
    "hourly, one run, up to 90 minutes late": Row("hourly", NINETY_MINUTES, LAST),
    "hourly, one run, up to 4 days late": Row("hourly", FOUR_DAYS, LAST),
    "hourly, each": Row("hourly", EACH, ALL),
    "hourly, each, up to 10 minutes late": Row("hourly", EACH | TEN_MINUTES, NONE, skipped=73),
    "hourly, each, up to 90 minutes late": Row("hourly", EACH | NINETY_MINUTES, slice(-2, None), skipped=71),
    "hourly, each, up to 4 days late": Row("hourly", EACH | FOUR_DAYS, ALL),
    "daily, one run": Row("daily", {}, LAST),
    "daily, one run, up to 10 minutes late": Row("daily", TEN_MINUTES, NONE, skipped=4),
    "daily, one run, up to 90 minutes late": Row("daily", NINETY_MINUTES, NONE, skipped=4),
    "daily, one run, up to 4 days late": Row("daily", FOUR_DAYS, LAST),
    "daily, each": Row("daily", EACH, ALL),
    "daily, each, up to 10 minutes late": Row("daily", EACH | TEN_MINUTES, NONE, skipped=4),
    "daily, each, up to 90 minutes late": Row("daily", EACH | NINETY_MINUTES, NONE, skipped=4),
    "daily, each, up to 2 days late": Row("daily", EACH | TWO_DAYS, slice(-2, None), skipped=2),
    "daily, each, up to 4 days late": Row("daily", EACH | FOUR_DAYS, ALL),
    "ended, one run": Row("hourly", {}, LAST, then="deleted", of=50),
    "ended, one run, up to 10 minutes late": Row("hourly", TEN_MINUTES, NONE, skipped=50, then="failed", of=50),
    "ended, one run, up to 4 days late": Row("hourly", FOUR_DAYS, LAST, then="deleted", of=50),
    "ended, each": Row("daily", EACH, ALL, then="deleted", of=3),
    "ended, each, up to 10 minutes late": Row("daily", EACH | TEN_MINUTES, NONE, skipped=3, then="failed", of=3),
    "ended, each, up to 2 days late": Row("daily", EACH | TWO_DAYS, LAST, skipped=2, then="deleted", of=3),
    "ended, each, up to 4 days late": Row("daily", EACH | FOUR_DAYS, ALL, then="deleted", of=3),
    "at most 1, one run": Row("hourly", {"max_runs": 1}, LAST, then="deleted"),
    "at most 2, one run": Row("hourly", {"max_runs": 2}, LAST),
    "at most 3, each": Row("daily", EACH | {"max_runs": 3}, slice(3), then="deleted"),
    "at most 5, each": Row("daily", EACH | {"max_runs": 5}, ALL),
    "at most 1, each, up to 2 days late": Row(
        "daily", EACH | TWO_DAYS | {"max_runs": 1}, slice(-2, -1), skipped=2, then="deleted"
    ),
    "at most 1, one run, up to 10 minutes late": Row("daily", TEN_MINUTES | {"max_runs": 1}, NONE, skipped=4),
}


class Case(NamedTuple):
    """The task of a row, at a present time.

    Attributes:
        missed: its occurrences up to now, or up to its end.
        following: the one after those.
    """

    task: Task
    missed: list[datetime]
    following: datetime

    def after(self, row: Row, found: Task) -> list[Task]:
        """What is left of the task, with whatever failure `found` tells of."""
        runs = len(self.missed[row.ran])
        left = msgspec.structs.replace(self.task, runs=runs, skipped=row.skipped, **failure_of(found))
        match row.then:
            case "goes on":
                return [msgspec.structs.replace(left, run_at=self.following)]
            case "failed":
                return [msgspec.structs.replace(left, status="failed")]
            case "deleted":
                return []


def case_of(row: Row, shape: str, now: datetime, task_id: str = "a") -> Case:
    task = Task(callback="ring", task_id=task_id, **SHAPES[shape][row.when](now), **row.policy)
    *missed, following = occurrences(task, now)
    assert len(missed) == MISSED[row.when]
    if row.of is not None:
        missed = missed[: row.of]
        task = msgspec.structs.replace(task, end_at=missed[-1])
    return Case(task, missed, following)


def occurrences(task: Task, now: datetime) -> list[datetime]:
    """All of a task up to now, and one more."""
    found = [task.run_at]
    assert task.schedule is not None
    while found[-1] <= now:
        following = task.schedule.next_after(found[-1])
        assert following is not None
        found.append(following)
    return found
