from datetime import datetime, timedelta

import msgspec


class Occurrence(msgspec.Struct, kw_only=True, frozen=True):
    """The run that a callback is part of, as `current_occurrence` tells it.

    Attributes:
        task_id, group_id, callback: as in the task.
        run_at: which occurrence it is, UTC; of missed ones that became one run the last.
        missed: how many occurrences before it were missed and are made up for by this run.
        delayed: how much later than `run_at` it was to start, by the task's `jitter` or because it is tried again.
        attempt: 1 for the first run of this occurrence, more if that failed or crashed.
        lag: how much later than that the callback started.
    """

    task_id: str
    group_id: str | None
    callback: str
    run_at: datetime
    missed: int = 0
    delayed: timedelta = timedelta(0)
    attempt: int
    lag: timedelta


class PlannedRun(msgspec.Struct, kw_only=True, frozen=True):
    """A run to come, as `AsyncScheduler.preview` tells it.

    Attributes:
        run_at: when, UTC.
        local: the same instant in the task's `timezone`; without one, in UTC.
    """

    run_at: datetime
    local: datetime
