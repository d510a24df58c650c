"""Claimed occurrences, for the tests of what is done with them. Their instants are small numbers of seconds."""

from datetime import datetime, timedelta
from typing import Any

from taskshed._body import Body
from taskshed._clock import from_micros
from taskshed._planning import NO_DEFAULTS, Defaults, Run, Settlement, begin, run_of
from taskshed._progress import Progress
from taskshed._records import Record
from taskshed.schedules import Cron, Interval

SECOND = 1_000_000
ATTEMPTS = 3

TEN = Interval(timedelta(seconds=10))
MINUTELY = Cron("* * * * *")


def at(seconds: float) -> int:
    """The wall instant so many seconds after 1970 began."""
    return round(seconds * SECOND)


def moment(seconds: float) -> datetime:
    """The same as a datetime."""
    return from_micros(at(seconds))


def task(**fields: Any) -> Body:
    """A one-off, or what `fields` make of it; durations and `end_at` in seconds."""
    for name in ("misfire_grace", "jitter"):
        if name in fields:
            fields[name] = timedelta(seconds=fields[name])
    if "end_at" in fields:
        fields["end_at"] = moment(fields["end_at"])
    return Body("ring", **fields)


def claimed(body: Body, run_at: float, progress: Progress | None = None) -> Record:
    """A claimed occurrence."""
    return Record(
        task_id="a",
        group_id="g",
        body=body.text(),
        run_at=at(run_at),
        leased_until=at(run_at + 10**6),
        token=7,
        attempts=ATTEMPTS,
        progress=None if progress is None else progress.text(),
    )


def verdict(record: Record, now: int, chance: float = 0, defaults: Defaults = NO_DEFAULTS) -> Run | Settlement:
    """What is done with a claimed record: it runs, or it is settled unrun."""
    run = run_of(record, now, defaults)
    return begin(run, chance) or run


def put_off(delay: float, run_at: float, **counted: int) -> Progress:
    """The progress of a task that was put off to `run_at`."""
    return Progress(delay=at(delay), delayed_to=at(run_at), **counted)
