"""When and how often a task repeats: what goes together, what is refused, and what is understood."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from manual_clock import ManualClock

from taskshed.models import RunType, Task
from taskshed.schedules import Cron, Interval, Schedule

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EACH_MINUTE: dict[str, Any] = {"interval": MINUTE}
DAILY: dict[str, Any] = {"cron": "@daily"}

Refused = dict[str, tuple[dict[str, Any], type[Exception], list[str]]]

VALUES: Refused = {
    "cron a number": ({"cron": 5}, TypeError, ["cron", "5"]),
    "cron no text, in text": ({"cron": b"@daily"}, TypeError, ["cron", "b'@daily'"]),
    "cron of no fields": ({"cron": ""}, ValueError, ["cron", "five fields", "0"]),
    "cron of four fields": ({"cron": "0 0 * *"}, ValueError, ["cron", "'0 0 * *'", "4"]),
    "cron out of range": ({"cron": "60 * * * *"}, ValueError, ["cron", "minute", "'60'"]),
    "cron of an unknown name": ({"cron": "@noon"}, ValueError, ["cron", "'@noon'"]),
    "cron that never comes": ({"cron": "0 0 31 2 *"}, ValueError, ["cron", "'0 0 31 2 *'", "never"]),
    "timezone a number": (DAILY | {"timezone": 1}, TypeError, ["timezone", "1"]),
    "timezone unknown": (DAILY | {"timezone": "Europe/Nowhere"}, ValueError, ["timezone", "'Europe/Nowhere'"]),
    "timezone empty": (DAILY | {"timezone": ""}, ValueError, ["timezone", "''"]),
    "timezone a path": (DAILY | {"timezone": "../etc/passwd"}, ValueError, ["timezone", "'../etc/passwd'"]),
    "misfire_grace a number": ({"misfire_grace": 60}, TypeError, ["misfire_grace", "60"]),
    "misfire_grace zero": ({"misfire_grace": 0 * MINUTE}, ValueError, ["misfire_grace", "more than nothing"]),
    "misfire_grace negative": ({"misfire_grace": -MINUTE}, ValueError, ["misfire_grace", "days=-1"]),
    "overlap unknown": (EACH_MINUTE | {"overlap": "drop"}, ValueError, ["overlap", "'drop'", "'queue'"]),
    "overlap None": (EACH_MINUTE | {"overlap": None}, ValueError, ["overlap", "None"]),
    "overlap a list": (EACH_MINUTE | {"overlap": ["skip"]}, ValueError, ["overlap", "['skip']"]),
    "jitter a number": ({"jitter": 0.5}, TypeError, ["jitter", "0.5"]),
    "jitter negative": ({"jitter": -timedelta.resolution}, ValueError, ["jitter", "days=-1"]),
    "end_at a date": (EACH_MINUTE | {"end_at": date(2030, 1, 2)}, TypeError, ["end_at", "date(2030, 1, 2)"]),
    "end_at text": (EACH_MINUTE | {"end_at": "2030-01-02"}, TypeError, ["end_at", "'2030-01-02'"]),
    "max_runs zero": (EACH_MINUTE | {"max_runs": 0}, ValueError, ["max_runs", "0"]),
    "max_runs negative": (EACH_MINUTE | {"max_runs": -3}, ValueError, ["max_runs", "-3"]),
    "max_runs True": (EACH_MINUTE | {"max_runs": True}, TypeError, ["max_runs", "True"]),
    "max_runs a float": (EACH_MINUTE | {"max_runs": 2.0}, TypeError, ["max_runs", "2.0"]),
    "fixed_delay a number": (EACH_MINUTE | {"fixed_delay": 1}, TypeError, ["fixed_delay", "1"]),
    "fixed_delay None": (EACH_MINUTE | {"fixed_delay": None}, TypeError, ["fixed_delay", "None"]),
}
TOGETHER: Refused = {
    "interval and cron": (EACH_MINUTE | DAILY, ValueError, ["interval=", "seconds=60", "cron='@daily'"]),
    "timezone and interval": (EACH_MINUTE | {"timezone": "UTC"}, ValueError, ["timezone='UTC'", "cron"]),
    "timezone alone": ({"timezone": "Europe/Berlin"}, ValueError, ["timezone='Europe/Berlin'", "cron"]),
    "once and interval": ({"run_type": "once"} | EACH_MINUTE, ValueError, ["interval", "run_type='once'"]),
    "once and cron": ({"run_type": "once"} | DAILY, ValueError, ["cron", "run_type='once'"]),
    "recurring without either": ({"run_type": "recurring"}, ValueError, ["recurring", "interval", "cron"]),
    "a one-off and overlap": ({"overlap": "allow"}, ValueError, ["overlap='allow'", "recurring"]),
    "a one-off and end_at": ({"end_at": NOON}, ValueError, ["end_at=", "2030", "recurring"]),
    "a one-off and max_runs": ({"max_runs": 1}, ValueError, ["max_runs=1", "recurring"]),
    "a one-off and fixed_delay": ({"fixed_delay": True}, ValueError, ["fixed_delay=True", "recurring"]),
    "fixed_delay and cron": (DAILY | {"fixed_delay": True}, ValueError, ["fixed_delay", "cron='@daily'"]),
    "fixed_delay and allow": (
        EACH_MINUTE | {"fixed_delay": True, "overlap": "allow"},
        ValueError,
        ["fixed_delay", "overlap='allow'"],
    ),
}


@pytest.mark.parametrize(("fields", "kind", "words"), (VALUES | TOGETHER).values(), ids=VALUES | TOGETHER)
def test_what_makes_no_sense_is_refused_by_name_and_value(
    fields: dict[str, Any], kind: type[Exception], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        Task(callback="ring", **fields)
    assert all(word in str(caught.value) for word in words)


ACCEPTED: dict[str, dict[str, Any]] = {
    "hardly a grace": {"misfire_grace": timedelta.resolution},
    "the longest grace": {"misfire_grace": timedelta.max},
    "a one-off with grace and jitter": {"misfire_grace": MINUTE, "jitter": MINUTE},
    "jitter of nothing": {"jitter": timedelta(0)},
    "one run": EACH_MINUTE | {"max_runs": 1},
    "fixed_delay and queue": EACH_MINUTE | {"fixed_delay": True, "overlap": "queue"},
    "fixed_delay and a run each": EACH_MINUTE | {"fixed_delay": True, "coalesce": False},
    "everything of cron": DAILY
    | {
        "run_at": NOON,
        "timezone": "Asia/Tokyo",
        "misfire_grace": MINUTE,
        "overlap": "allow",
        "jitter": MINUTE,
        "end_at": NOON,
        "max_runs": 3,
    },
    "a one-off that may not be coalesced": {"coalesce": False},
}


@pytest.mark.parametrize("fields", ACCEPTED.values(), ids=ACCEPTED)
def test_what_makes_sense_is_kept_as_it_was_given(fields: dict[str, Any]) -> None:
    task = Task(callback="ring", **fields)
    assert {name: getattr(task, name) for name in fields} == fields


UNDERSTOOD: dict[str, tuple[dict[str, Any], RunType, str | None, Schedule | None]] = {
    # fields, run_type, timezone, schedule
    "nothing": ({}, "once", None, None),
    "once": ({"run_type": "once"}, "once", None, None),
    "interval": (EACH_MINUTE, "recurring", None, Interval(MINUTE)),
    "interval, said to be recurring": (EACH_MINUTE | {"run_type": "recurring"}, "recurring", None, Interval(MINUTE)),
    "cron": (DAILY, "recurring", "UTC", Cron("@daily")),
    "cron, said to be recurring": (DAILY | {"run_type": "recurring"}, "recurring", "UTC", Cron("@daily")),
    "cron in a zone": (DAILY | {"timezone": "Asia/Tokyo"}, "recurring", "Asia/Tokyo", Cron("@daily", "Asia/Tokyo")),
}


@pytest.mark.parametrize(("fields", "run_type", "timezone", "schedule"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_what_was_not_said_is_understood(
    fields: dict[str, Any], run_type: RunType, timezone: str | None, schedule: Schedule | None
) -> None:
    task = Task(callback="ring", **fields)
    assert (task.run_type, task.timezone, task.schedule) == (run_type, timezone, schedule)
    assert msgspec.structs.replace(task, callback="sing").run_type == run_type


FIRST: dict[str, tuple[dict[str, Any], datetime]] = {
    # fields, when it first runs if that is not said, at noon in UTC
    "once": ({}, NOON),
    "interval": (EACH_MINUTE, NOON),
    "cron, at noon": ({"cron": "0 12 * * *"}, NOON + timedelta(days=1)),  # an occurrence is next if it is later
    "cron, a minute later": ({"cron": "1 12 * * *"}, NOON + MINUTE),
    "cron, at midnight": (DAILY, datetime(2030, 1, 3, tzinfo=UTC)),
    "cron, at midnight in Tokyo": (DAILY | {"timezone": "Asia/Tokyo"}, datetime(2030, 1, 2, 15, tzinfo=UTC)),
}


@pytest.mark.parametrize(("fields", "expected"), FIRST.values(), ids=FIRST)
def test_unless_told_it_runs_first(fields: dict[str, Any], expected: datetime) -> None:
    with ManualClock(NOON).installed():
        assert Task(callback="ring", **fields).run_at == expected
        told = Task(callback="ring", run_at=NOON - MINUTE, **fields)
    assert told.run_at == NOON - MINUTE


def test_a_cron_task_without_occurrences_to_come_is_refused() -> None:
    with ManualClock(datetime(9999, 12, 31, 1, tzinfo=UTC)).installed(), pytest.raises(ValueError, match="'@yearly'"):
        Task(callback="ring", cron="@yearly")


def test_end_at_is_kept_in_utc_and_a_naive_one_is_local() -> None:
    local = datetime(2031, 7, 1, 12, 30, 0, 123456)
    ends = [Task(callback="ring", interval=MINUTE, end_at=end).end_at for end in (local, local.astimezone(UTC))]
    assert ends == [local.astimezone(UTC)] * 2
    assert all(end is not None and end.tzinfo is UTC for end in ends)
