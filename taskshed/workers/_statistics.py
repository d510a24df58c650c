from collections import Counter
from datetime import datetime

import msgspec

from taskshed._clock import from_micros


class WorkerStatistics(msgspec.Struct, kw_only=True, frozen=True):
    """What a worker is doing, and what it has done since it was made.

    Attributes:
        running: runs under way.
        next_look: when it looks into the datastore next, by the store's clock, UTC; None: when it is told of something.
        started: runs that have begun.
        succeeded, failed, retried, cancelled, released, skipped: what became of runs, as `taskshed.events` names it.
        leases_lost: runs that were cancelled because their lease could not be renewed in time.
        settlements_refused: ends of runs that changed nothing, since the task was changed or claimed by another.
    """

    running: int
    next_look: datetime | None
    started: int
    succeeded: int
    failed: int
    retried: int
    cancelled: int
    released: int
    skipped: int
    leases_lost: int
    settlements_refused: int


def statistics_of(running: int, next_look: int | None, counts: Counter[str]) -> WorkerStatistics:
    """The statistics of a worker; `next_look` is a wall instant."""
    named = ("started", "succeeded", "failed", "retried", "cancelled", "released", "skipped")
    return WorkerStatistics(
        running=running,
        next_look=None if next_look is None else from_micros(next_look),
        **{name: counts[name] for name in named},
        leases_lost=counts["lost"],
        settlements_refused=counts["refused"],
    )
