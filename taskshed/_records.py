"""A task as a datastore keeps it.

The *body* is JSON and opaque to the store: what to call and how it repeats, which changes only when
the task is replaced. The other fields are the state that stores index, compare and update. A task has
one `due` time, derived from them: so delayed work, ready work and crash recovery are one index.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec

from taskshed._clock import from_micros, to_micros
from taskshed._json import encode_kwargs
from taskshed.models import RunType, Status, Task, check_name

_NO_ARGUMENTS = msgspec.Raw(b"{}")


class Body(msgspec.Struct, omit_defaults=True, frozen=True):
    """The part of a task that its datastore does not look into.

    Fields added later need a default, so that bodies written earlier still decode.
    """

    callback: str
    kwargs: msgspec.Raw = _NO_ARGUMENTS
    run_type: RunType = "once"
    interval: timedelta | None = None
    coalesce: bool = True


class Record(msgspec.Struct, kw_only=True):
    """One stored task. Instants are microseconds since 1970 in UTC.

    `token` is that of the present claim and 0 without one. A store never gives out a token twice, whatever becomes of
    the task, so only the holder of the present claim can show it.
    """

    task_id: str
    group_id: str | None = None
    body: str
    run_at: int
    paused_at: int | None = None
    leased_until: int | None = None
    failed_at: int | None = None
    token: int = 0
    attempts: int = 0
    error: str | None = None

    @property
    def due(self) -> int | None:
        """When a worker may claim it: `run_at` when idle, the lease's end when claimed, None when paused or failed."""
        if self.paused_at is not None or self.failed_at is not None:
            return None
        return self.run_at if self.leased_until is None else self.leased_until


_encoder = msgspec.json.Encoder()
_body_decoder = msgspec.json.Decoder(Body)


def freeze(task: Task) -> Record:
    """A new task in its stored form.

    Raises:
        TypeError, ValueError: `kwargs` cannot become JSON; the message names the place.
    """
    body = Body(
        callback=task.callback,
        kwargs=encode_kwargs(task.kwargs) if task.kwargs else _NO_ARGUMENTS,
        run_type=task.run_type,
        interval=task.interval,
        coalesce=task.coalesce,
    )
    return Record(
        task_id=task.task_id,
        group_id=task.group_id,
        body=_encoder.encode(body).decode(),
        run_at=to_micros(task.run_at),
        paused_at=None if task.paused_at is None else to_micros(task.paused_at),
    )


def read_body(record: Record) -> Body:
    """Decode the body, and see that the rest can be worked with.

    Raises:
        Exception: it is not what TaskShed writes.
    """
    from_micros(record.run_at)
    return _body_decoder.decode(record.body)


def thaw(record: Record) -> Task:
    """The task that was stored; one that cannot be read comes back as failed, with the reason as its error."""
    try:
        body = read_body(record)
        return Task(
            callback=body.callback,
            kwargs=msgspec.json.decode(body.kwargs),
            run_type=body.run_type,
            interval=body.interval,
            coalesce=body.coalesce,
            task_id=record.task_id,
            group_id=record.group_id,
            run_at=from_micros(record.run_at),
            paused=record.paused_at is not None,
            paused_at=None if record.paused_at is None else from_micros(record.paused_at),
            status=_status(record),
            attempts=record.attempts,
            error=record.error,
        )
    except Exception as error:  # whatever is wrong with a row stays with that row
        return _unreadable(record, error)


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
    text = record.error if isinstance(record.error, str) else describe_unreadable(error)
    return Task(callback="(unreadable)", status="failed", error=text, paused=record.paused_at is not None, **usable)
