"""A task as a datastore keeps it.

The body is opaque to the store, and so is the progress. The other fields are the state that stores index, compare and
update. A task has one `due` time, derived from them: so delayed work, ready work and crash recovery are one index.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec

from taskshed._body import NO_ARGUMENTS, Body, body_of
from taskshed._clock import from_micros, to_micros
from taskshed._failures import apart
from taskshed._json import MAX_KWARGS_SIZE, encode_kwargs
from taskshed._progress import Progress, progress_of
from taskshed.models import Status, Task, check_name
from taskshed.schedules import Cron, Interval, Schedule

# What a body takes over from its task, and gives back, as it is.
_TAKEN_OVER = (
    "callback",
    "coalesce",
    "misfire_grace",
    "overlap",
    "jitter",
    "end_at",
    "max_runs",
    "fixed_delay",
    "retry",
    "timeout",
    "occurrence_of",
)


class Record(msgspec.Struct, kw_only=True):
    """One stored task. Instants are microseconds since 1970 in UTC.

    `token` is that of the present claim and 0 without one. A store never gives out a token twice, whatever becomes of
    the task, so only the holder of the present claim can show it. `cancelled_at` is since when a claim is to be given
    up, and ends with it. `error` is a failure's text and traceback.
    """

    task_id: str
    group_id: str | None = None
    body: str
    run_at: int
    paused_at: int | None = None
    leased_until: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    token: int = 0
    attempts: int = 0
    error: str | None = None
    progress: str | None = None

    @property
    def due(self) -> int | None:
        """When a worker may claim it: `run_at` when idle, the lease's end when claimed, None when paused or failed."""
        if self.paused_at is not None or self.failed_at is not None:
            return None
        return self.run_at if self.leased_until is None else self.leased_until


def freeze(task: Task, now: int | None = None, chance: float = 0, max_kwargs_size: int = MAX_KWARGS_SIZE) -> Record:
    """A new task in its stored form.

    Args:
        now: the present, for `jitter`, which puts off a run that is yet to come.
        chance: by how much of it, from 0 to 1.
        max_kwargs_size: how many bytes `kwargs` may take.

    Raises:
        TypeError, ValueError: `kwargs` cannot become JSON, the message names the place, or is too large; or `run_at`
            is after `end_at`.
    """
    if task.end_at is not None and task.run_at > task.end_at:
        raise ValueError(f"run_at {task.run_at} is after end_at {task.end_at}; the task would never run")
    body = Body(
        kwargs=encode_kwargs(task.kwargs, max_kwargs_size) if task.kwargs else NO_ARGUMENTS,
        schedule=task.schedule,
        **{name: getattr(task, name) for name in _TAKEN_OVER},
    )
    run_at, progress = to_micros(task.run_at), Progress()
    if now is not None:
        run_at, progress = progress.with_jitter(body, run_at, now, chance)
    return Record(
        task_id=task.task_id,
        group_id=task.group_id,
        body=body.text(),
        run_at=run_at,
        paused_at=None if task.paused_at is None else to_micros(task.paused_at),
        progress=progress.text(),
    )


def read_record(record: Record) -> tuple[Body, Progress]:
    """Decode what the datastore does not look into, and see that the rest can be worked with.

    Raises:
        Exception: it is not what TaskShed writes.
    """
    body, progress = body_of(record.body), progress_of(record.progress, record.run_at)
    for instant in (record.run_at, record.run_at - progress.delay, body.last):
        from_micros(instant)
    return body, progress


def thaw(record: Record) -> Task:
    """The task that was stored; one that cannot be read comes back as failed, with the reason as its error."""
    try:
        body, progress = read_record(record)
        error, traceback = apart(record.error)
        return Task(
            kwargs=msgspec.json.decode(body.kwargs),
            task_id=record.task_id,
            group_id=record.group_id,
            run_at=from_micros(record.run_at - progress.delay),
            paused=record.paused_at is not None,
            paused_at=None if record.paused_at is None else from_micros(record.paused_at),
            status=_status(record),
            attempts=record.attempts,
            error=error,
            traceback=traceback,
            failed_at=None if record.failed_at is None else from_micros(record.failed_at),
            runs=progress.runs,
            skipped=progress.skipped,
            delayed=timedelta(microseconds=progress.delay),
            **_fields(body.schedule),
            **{name: getattr(body, name) for name in _TAKEN_OVER},
        )
    except Exception as error:  # whatever is wrong with a row stays with that row
        return _unreadable(record, error)


def _fields(schedule: Schedule | None) -> dict[str, Any]:
    match schedule:
        case Interval(every=every):
            return {"interval": every}
        case Cron(expression=expression, timezone=timezone):
            return {"cron": expression, "timezone": timezone}
        case None:
            return {}


def describe_unreadable(error: BaseException) -> str:
    """What is said of a stored task that cannot be decoded."""
    return f"the stored task cannot be read: {type(error).__name__}: {error}"


def _status(record: Record) -> Status:
    if record.failed_at is not None:
        return "failed"
    return "scheduled" if record.leased_until is None else "running"


def _unreadable(record: Record, error: Exception) -> Task:
    usable: dict[str, Any] = {}
    with suppress(TypeError, ValueError, OverflowError):
        usable["run_at"] = from_micros(record.run_at)
    with suppress(TypeError, ValueError):
        check_name("group_id", record.group_id)
        usable["group_id"] = record.group_id
    with suppress(TypeError, ValueError):
        check_name("task_id", record.task_id)
        usable["task_id"] = record.task_id
    text = apart(record.error)[0] if isinstance(record.error, str) else describe_unreadable(error)
    return Task(callback="(unreadable)", status="failed", error=text, paused=record.paused_at is not None, **usable)
