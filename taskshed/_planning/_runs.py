"""A run of a claimed occurrence."""

from datetime import timedelta

import msgspec

from taskshed._body import Body
from taskshed._progress import Progress
from taskshed._records import Record, read_record
from taskshed.models import RetryPolicy
from taskshed.schedules._occurrences import count, latest


class Defaults(msgspec.Struct, kw_only=True, frozen=True):
    """What a worker has for tasks that do not say it themselves."""

    retry: RetryPolicy | None = None
    timeout: timedelta | None = None


NO_DEFAULTS = Defaults()


class Run(msgspec.Struct, kw_only=True, frozen=True):
    """A run of a claimed occurrence.

    Attributes:
        record: as it was claimed.
        body, progress: the record's, decoded.
        at: the wall instant of the occurrence; of missed ones that became one run the last.
        missed: how many others that run is for.
        delay: how many microseconds later it was to begin.
        begun: the wall instant at which it began.
        retry, timeout: the task's, or else the worker's.
    """

    record: Record
    body: Body
    progress: Progress
    at: int
    missed: int = 0
    delay: int
    begun: int
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None


def run_of(record: Record, now: int, defaults: Defaults = NO_DEFAULTS) -> Run:
    """The run that a claimed record stands for at the store's wall instant `now`.

    Raises:
        Exception: it cannot be read.
    """
    body, progress = read_record(record)
    at, missed, delay = record.run_at - progress.delay, 0, progress.delay
    if body.schedule is not None and body.coalesce and not body.fixed_delay:
        last = latest(body.schedule, at, min(now, body.last))
        if last != at:
            at, missed, delay = last, count(body.schedule, at, last), 0
    return Run(
        record=record,
        body=body,
        progress=progress,
        at=at,
        missed=missed,
        delay=delay,
        begun=now,
        retry=defaults.retry if body.retry is None else body.retry,
        timeout=defaults.timeout if body.timeout is None else body.timeout,
    )
