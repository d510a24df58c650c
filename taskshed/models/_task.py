from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal

import msgspec
from msgspec.structs import force_setattr

from taskshed._clock import ambient_clock, from_micros
from taskshed._ids import new_task_id
from taskshed.models._checks import (
    Check,
    check_bool,
    check_duration,
    check_grace,
    check_kwargs,
    check_name,
    check_text,
    in_utc,
    one_of,
    optional,
    whole,
)
from taskshed.models._recurrence import check_recurrence, schedule_of
from taskshed.models._retry import RetryPolicy, check_policy, check_timeout
from taskshed.schedules import Cron, Schedule

RunType = Literal["once", "recurring"]
Status = Literal["scheduled", "running", "failed"]
Overlap = Literal["skip", "queue", "allow"]

# What stands for "not given" where None is no value of the field.
_NEXT_OCCURRENCE: Any = datetime.min.replace(tzinfo=UTC)
_INFERRED: Any = "inferred"

_CHECKS: dict[str, Check] = {
    "callback": check_name,
    "task_id": check_name,
    "group_id": optional(check_name),
    "kwargs": check_kwargs,
    "run_type": one_of(RunType),
    "paused": check_bool,
    "coalesce": check_bool,
    "misfire_grace": optional(check_grace),
    "overlap": one_of(Overlap),
    "jitter": optional(check_duration),
    "max_runs": optional(whole(least=1)),
    "fixed_delay": check_bool,
    "retry": optional(check_policy),
    "timeout": optional(check_timeout),
    "status": one_of(Status),
    "attempts": whole(least=0),
    "error": optional(check_text),
    "traceback": optional(check_text),
    "runs": whole(least=0),
    "skipped": whole(least=0),
    "delayed": check_duration,
    "occurrence_of": optional(check_name),
}


class Task(msgspec.Struct, kw_only=True, frozen=True):
    """One piece of work: what to call, when, and how it is named.

    Attributes:
        callback: name of a coroutine function in the worker's callback map, up to 255 characters.
        run_at: the next occurrence, kept in UTC to the microsecond; naive means local time. Default: now, with `cron`
            its next occurrence.
        run_type: "once" or "recurring". Default: what `interval` and `cron` say.
        task_id: up to 255 characters. Default: a new id; ids made in a row sort by time.
        kwargs: arguments for the callback, keys str, values anything msgspec can write as JSON.
        interval: elapsed time from one occurrence of a recurring task to the next.
        cron: its occurrences as five fields, "minute hour day month weekday", or "@daily" and the like.
        timezone: in which `cron` is meant, an IANA name. Default: "UTC".
        group_id: a name, up to 255 characters, by which many tasks are paused, resumed or removed at once.
        paused: whether the task waits for `resume_tasks`.
        paused_at: since when it is paused.
        coalesce: whether missed occurrences of a recurring task become one run (True) or a run each (False).
        misfire_grace: a run that would begin later than this after its time is skipped. Default: none is.
        overlap: what becomes of an occurrence that comes while the last run is still going: "skip" passes it over,
            "queue" runs it right after, "allow" beside it.
        jitter: runs begin up to this much later, by chance; the schedule stays where it is.
        end_at: no occurrence later than this.
        max_runs: how many runs there are at most.
        fixed_delay: whether `interval` counts from the end of a run.
        retry: how often a run that fails is tried again. Default: what the worker has.
        timeout: a run that takes longer is cancelled and has failed. Default: what the worker has.
        status: "scheduled", "running" or "failed"; this and what follows is kept by the datastore.
        attempts: runs begun of the present occurrence, crashed ones included.
        error: text of the last failure, if there was one; it names the callback and the exception.
        traceback: where that was raised, as Python prints it.
        failed_at: since when it has failed, if it has.
        runs: how many runs of a recurring task have ended, or with `overlap="allow"` begun.
        skipped: how many of its occurrences were passed over, by `overlap` or `misfire_grace`.
        delayed: how much later than `run_at` the next run begins, by `jitter` or because it is tried again.
        occurrence_of: the id of the task of which this is a run that may go on beside others (`overlap="allow"`).

    Raises:
        TypeError, ValueError: a field has the wrong type or makes no sense; the message names it.
    """

    callback: str
    run_at: datetime = _NEXT_OCCURRENCE
    run_type: RunType = _INFERRED
    task_id: str = msgspec.field(default_factory=new_task_id)
    kwargs: dict[str, Any] = msgspec.field(default_factory=dict)
    interval: timedelta | None = None
    cron: str | None = None
    timezone: str | None = None
    group_id: str | None = None
    paused: bool = False
    paused_at: datetime | None = None
    coalesce: bool = True
    misfire_grace: timedelta | None = None
    overlap: Overlap = "skip"
    jitter: timedelta | None = None
    end_at: datetime | None = None
    max_runs: int | None = None
    fixed_delay: bool = False
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None
    status: Status = "scheduled"
    attempts: int = 0
    error: str | None = None
    traceback: str | None = None
    failed_at: datetime | None = None
    runs: int = 0
    skipped: int = 0
    delayed: timedelta = timedelta(0)
    occurrence_of: str | None = None

    def __post_init__(self) -> None:
        if self.run_type is _INFERRED:
            recurring = self.interval is not None or self.cron is not None
            force_setattr(self, "run_type", "recurring" if recurring else "once")
        for name, check in _CHECKS.items():
            check(name, getattr(self, name))
        schedule = self.schedule
        check_recurrence(self)
        if isinstance(schedule, Cron):
            force_setattr(self, "cron", schedule.expression)
            force_setattr(self, "timezone", schedule.timezone)
        self._set_times(schedule)
        force_setattr(self, "kwargs", dict(self.kwargs))

    def __repr__(self) -> str:
        # Arguments may be secrets, and representations are what gets logged.
        shown = {name: value for name, value in _shown(self) if name != "kwargs"}
        fields = [f"{name}={value!r}" for name, value in shown.items()]
        if self.kwargs:
            fields.append(f"kwargs={{{', '.join(f'{name!r}: …' for name in self.kwargs)}}}")
        return f"Task({', '.join(fields)})"

    @property
    def schedule(self) -> Schedule | None:
        """What says when it comes again; None for a one-off."""
        return schedule_of(self.interval, self.cron, self.timezone)

    def next_runs(self, n: int = 5) -> list[datetime]:
        """The next `n` occurrences, UTC, as they come if none is missed; fewer if they end, none if it has failed.

        What only a run decides is left out: jitter, and with `fixed_delay` how long each takes. The one that is running
        is none of them.

        Raises:
            TypeError, ValueError: `n` is no number from 1 up.
        """
        whole(least=1)("n", n)
        first = 1 if self.status == "running" else 0
        end = first + n if self.max_runs is None else min(first + n, max(1, self.max_runs - self.runs))
        return [] if self.status == "failed" else list(islice(self._occurrences(), first, max(first, end)))

    def _occurrences(self) -> Iterator[datetime]:
        """The present occurrence, wherever the task was moved to, and those that follow."""
        schedule, at = self.schedule, self.run_at
        yield at
        while schedule is not None and (following := schedule.next_after(at)) is not None:
            if self.end_at is not None and following > self.end_at:
                return
            yield following
            at = following

    def _set_times(self, schedule: Schedule | None) -> None:
        if self.run_at is _NEXT_OCCURRENCE:
            force_setattr(self, "run_at", _first_occurrence(schedule))
        force_setattr(self, "run_at", in_utc("run_at", self.run_at))
        for name in ("end_at", "failed_at"):
            if (moment := getattr(self, name)) is not None:
                force_setattr(self, name, in_utc(name, moment))
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


def _shown(task: Task) -> Iterator[tuple[str, Any]]:
    """The fields that are not their defaults."""
    for field in msgspec.structs.fields(Task):
        value = getattr(task, field.name)
        if value != field.default and value is not None:
            yield field.name, value


def _present() -> datetime:
    return from_micros(ambient_clock().now())


def _first_occurrence(schedule: Schedule | None) -> datetime:
    now = _present()
    if not isinstance(schedule, Cron):
        return now
    first = schedule.next_after(now)
    if first is None:
        raise ValueError(f"cron {schedule.expression!r} has no occurrence any more after {now}")
    return first
