"""What users hand in and get back: msgspec structs, keyword-only, frozen, compared by value."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec.structs import force_setattr

from taskshed._clock import ambient_clock, from_micros
from taskshed._ids import new_task_id

RunType = Literal["once", "recurring"]
Status = Literal["scheduled", "running", "failed"]

MAX_NAME_LENGTH = 255


def _present() -> datetime:
    return from_micros(ambient_clock().now())


class Task(msgspec.Struct, kw_only=True, frozen=True):
    """One piece of work: what to call, when, and how it is named.

    Attributes:
        callback: name of a coroutine function in the worker's callback map, up to 255 characters.
        run_at: the next occurrence, kept in UTC to the microsecond; naive means local time. Default: now.
        run_type: "once", or "recurring" with an `interval`.
        task_id: up to 255 characters. Default: a new id; ids made in a row sort by time.
        kwargs: arguments for the callback, keys str, values anything msgspec can write as JSON.
        interval: time from one occurrence of a recurring task to the next.
        group_id: a name, up to 255 characters, by which many tasks are paused, resumed or removed at once.
        paused: whether the task waits for `resume_tasks`.
        paused_at: since when it is paused.
        coalesce: whether missed occurrences of a recurring task become one run (True) or a run each (False).
        status: "scheduled", "running" or "failed"; kept by the datastore.
        attempts: runs begun of the present occurrence, crashed ones included; kept by the datastore.
        error: text of the last failure, if there was one; kept by the datastore.

    Raises:
        TypeError, ValueError: a field has the wrong type or makes no sense; the message names it.
    """

    callback: str
    run_at: datetime = msgspec.field(default_factory=_present)
    run_type: RunType = "once"
    task_id: str = msgspec.field(default_factory=new_task_id)
    kwargs: dict[str, Any] = msgspec.field(default_factory=dict)
    interval: timedelta | None = None
    group_id: str | None = None
    paused: bool = False
    paused_at: datetime | None = None
    coalesce: bool = True
    status: Status = "scheduled"
    attempts: int = 0
    error: str | None = None

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            check(name, getattr(self, name))
        _check_recurrence(self.run_type, self.interval)
        force_setattr(self, "run_at", in_utc("run_at", self.run_at))
        force_setattr(self, "kwargs", dict(self.kwargs))
        if self.paused_at is not None:
            if not self.paused:
                raise ValueError(f"paused_at is {self.paused_at} but paused is False; set both or neither")
            force_setattr(self, "paused_at", in_utc("paused_at", self.paused_at))
        elif self.paused:
            force_setattr(self, "paused_at", _present())


class TaskExecutionTime(msgspec.Struct, kw_only=True, frozen=True):
    """A new time for a task that exists.

    Attributes:
        task_id: the task to move.
        run_at: its next occurrence, kept in UTC to the microsecond; naive means local time.
    """

    task_id: str
    run_at: datetime

    def __post_init__(self) -> None:
        check_name("task_id", self.task_id)
        force_setattr(self, "run_at", in_utc("run_at", self.run_at))


class Occurrence(msgspec.Struct, kw_only=True, frozen=True):
    """The run that a callback is part of, as `current_occurrence` tells it.

    Attributes:
        task_id, group_id, callback: as in the task.
        run_at: when it was due, UTC.
        attempt: 1 for the first run of this occurrence, more after a crash.
        lag: how much later than `run_at` the callback started.
    """

    task_id: str
    group_id: str | None
    callback: str
    run_at: datetime
    attempt: int
    lag: timedelta


def in_utc(name: str, moment: object) -> datetime:
    """`moment` in UTC; a naive one is local time.

    Raises:
        TypeError: it is no datetime.
        ValueError: it lies outside the years 1 to 9999 once in UTC.
    """
    if not isinstance(moment, datetime):
        raise TypeError(f"{name} must be a datetime, not {moment!r}")
    try:
        if moment.utcoffset() is not None:
            return moment.astimezone(UTC)
        # Before Python 3.12 astimezone() takes an hour off a local time in the gap of a time change; this does not.
        seconds = int(moment.replace(microsecond=0).timestamp())
        return from_micros(seconds * 1_000_000 + moment.microsecond)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{name} is out of range in UTC: {moment!r}") from error


def check_name(name: str, value: object) -> None:
    """Refuse what cannot be an id, a group or a callback name."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {value!r}")
    if not value:
        raise ValueError(f"{name} must not be empty")
    if len(value) > MAX_NAME_LENGTH:
        raise ValueError(f"{name} has {len(value)} characters, at most {MAX_NAME_LENGTH} are allowed: {value[:40]!r}…")
    if "\0" in value:
        raise ValueError(f"{name} must not hold the character NUL, which PostgreSQL cannot keep: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} is not valid Unicode text: {value!r}") from error


def _check_optional_name(name: str, value: object) -> None:
    if value is not None:
        check_name(name, value)


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")


def _check_kwargs(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must map argument names to values, not {value!r}")
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{name} has the key {key!r}; argument names are str")


def _check_run_type(name: str, value: object) -> None:
    if value not in ("once", "recurring"):
        raise ValueError(f"{name} must be 'once' or 'recurring', not {value!r}")


def _check_status(name: str, value: object) -> None:
    if value not in ("scheduled", "running", "failed"):
        raise ValueError(f"{name} must be 'scheduled', 'running' or 'failed', not {value!r}")


def _check_attempts(name: str, value: object) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}")


def _check_optional_text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a str or None, not {value!r}")


def _check_recurrence(run_type: RunType, interval: object) -> None:
    if interval is None:
        if run_type == "recurring":
            raise ValueError("a recurring task needs an interval, for example interval=timedelta(minutes=5)")
        return
    if not isinstance(interval, timedelta):
        raise TypeError(f"interval must be a timedelta, not {interval!r}")
    if interval <= timedelta(0):
        raise ValueError(f"interval must be positive, not {interval!r}")
    if run_type == "once":
        raise ValueError("interval was given with run_type='once'; say run_type='recurring' or leave it out")


_CHECKS: dict[str, Callable[[str, object], None]] = {
    "callback": check_name,
    "task_id": check_name,
    "group_id": _check_optional_name,
    "kwargs": _check_kwargs,
    "run_type": _check_run_type,
    "paused": _check_bool,
    "coalesce": _check_bool,
    "status": _check_status,
    "attempts": _check_attempts,
    "error": _check_optional_text,
}
