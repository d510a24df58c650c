"""What a worker tells of its runs: a count, a line in the log, and an event for who listens.

Each line of the log has the fields `task_id`, `callback`, `attempt` and `lag` (in seconds), as `extra` of the standard
library's logging.
"""

import logging
from collections import Counter
from datetime import timedelta
from typing import Any, Literal

import msgspec

from taskshed._broadcast import Broadcast, present
from taskshed._clock import from_micros
from taskshed._planning import Run, Settlement
from taskshed.datastores.commands import Lease
from taskshed.events import (
    LeaseLost,
    RunCancelled,
    RunEvent,
    RunFailed,
    RunReleased,
    RunRetried,
    RunSkipped,
    RunStarted,
    RunSucceeded,
    SettlementRefused,
)
from taskshed.models import Occurrence

logger = logging.getLogger("taskshed")

Verdict = Literal["succeeded", "failed", "retried", "cancelled", "released", "skipped", "lost"]


class Failure(msgspec.Struct, frozen=True):
    """Why a run did not succeed."""

    error: str
    traceback: str = ""
    exception: BaseException | None = None


class _Way(msgspec.Struct, frozen=True):
    """How a verdict is told."""

    event: type[RunEvent]
    level: int
    text: str


_WAYS: dict[Verdict, _Way] = {
    "succeeded": _Way(RunSucceeded, logging.DEBUG, "succeeded"),
    "failed": _Way(RunFailed, logging.ERROR, "failed"),
    "retried": _Way(RunRetried, logging.WARNING, "failed and is tried again"),
    "cancelled": _Way(RunCancelled, logging.INFO, "was cancelled"),
    "released": _Way(RunReleased, logging.INFO, "was given back unfinished; it will run again"),
    "skipped": _Way(RunSkipped, logging.WARNING, "was skipped"),
    "lost": _Way(
        LeaseLost,
        logging.WARNING,
        "was cancelled, for its lease could not be renewed in time; others may run it now",
    ),
}


class Reports:
    """Tells of the runs of one worker.

    Attributes:
        counts: how many runs have begun, and what became of them; and settlements that were refused.
    """

    def __init__(self, events: Broadcast) -> None:
        self._events = events
        self.counts: Counter[str] = Counter()

    def started(self, occurrence: Occurrence) -> None:
        """A callback begins."""
        self.counts["started"] += 1
        if logger.isEnabledFor(logging.DEBUG):
            told = (occurrence.task_id, occurrence.callback, occurrence.lag)
            logger.debug("Task %s runs %r %s late", *told, extra=_fields(occurrence))
        if self._events.is_heard:
            self._events.tell(RunStarted(**_of(occurrence), lag=occurrence.lag))

    def ended(
        self, run: Run, occurrence: Occurrence, verdict: Verdict, settlement: Settlement, failure: Failure | None = None
    ) -> None:
        """A run has ended, or was never to be."""
        self.counts[verdict] += 1
        way = _WAYS[verdict]
        if logger.isEnabledFor(way.level):
            why, cause = ("", None) if failure is None else (f": {failure.error}", failure.exception)
            logger.log(
                way.level, "Task %s %s%s", occurrence.task_id, way.text, why, exc_info=cause, extra=_fields(occurrence)
            )
        if self._events.is_heard:
            self._events.tell(way.event(**_of(occurrence), **_details(run, verdict, settlement, failure)))

    def unreadable(self, task_id: str, text: str, error: Exception) -> None:
        """A stored task cannot be read, and is set aside."""
        self.counts["failed"] += 1
        logger.error("Task %s failed: %s", task_id, text, exc_info=error, extra={"task_id": task_id})

    def refused(self, lease: Lease) -> None:
        """The end of a run was not written."""
        self.counts["refused"] += 1
        logger.info(
            "The end of a run of task %s changed nothing: it was moved, replaced or removed, or its lease had run out",
            lease.task_id,
            extra={"task_id": lease.task_id},
        )
        if self._events.is_heard:
            self._events.tell(SettlementRefused(at=present(), task_id=lease.task_id))


def _details(run: Run, verdict: Verdict, settlement: Settlement, failure: Failure | None) -> dict[str, Any]:
    match verdict:
        case "succeeded":
            return {"duration": present() - from_micros(run.begun)}
        case "failed" | "retried" | "skipped" if failure is not None:
            details: dict[str, Any] = {"error": failure.error}
            if verdict != "skipped":
                details["traceback"] = failure.traceback or None
            if verdict == "retried":
                details["retry_at"] = from_micros(settlement.run_at)
            return details
        case _:
            return {}


def _of(occurrence: Occurrence) -> dict[str, Any]:
    names = ("task_id", "group_id", "callback", "run_at", "attempt")
    return {"at": present()} | {name: getattr(occurrence, name) for name in names}


def _fields(occurrence: Occurrence) -> dict[str, Any]:
    return {
        "task_id": occurrence.task_id,
        "callback": occurrence.callback,
        "attempt": occurrence.attempt,
        "lag": occurrence.lag / timedelta(seconds=1),
    }
