"""What becomes of an occurrence when its run has ended: a table, and one function that reads it.

::

    scheduled ──claim──▶ running ──┬── done       the task is deleted
        ▲                          ├── failed     the task is kept with its error
        ├──────────────────────────┼── next       the task moves to its next occurrence
        └──────────────────────────┴── released   the occurrence is given back unrun

A worker that crashes settles nothing: its lease runs out, and the task, running only in name, is due
again.
"""

from typing import Literal

import msgspec

from taskshed._clock import duration_micros, from_micros
from taskshed._records import Body, Record
from taskshed.models import RunType
from taskshed.schedules import next_on_grid

Ending = Literal["succeeded", "raised", "interrupted"]
Outcome = Literal["done", "next", "failed", "released"]

OUTCOMES: dict[tuple[RunType, Ending], Outcome] = {
    ("once", "succeeded"): "done",
    ("once", "raised"): "failed",
    ("once", "interrupted"): "released",
    ("recurring", "succeeded"): "next",
    ("recurring", "raised"): "next",
    ("recurring", "interrupted"): "released",
}


class Settlement(msgspec.Struct, kw_only=True, frozen=True):
    """What to write for one claimed occurrence; it counts only while `token` is the task's own.

    Attributes:
        run_at: the occurrence the task stands at afterwards.
        attempts: the runs begun of that occurrence.
        error: replaces the stored one unless None.
    """

    task_id: str
    token: int
    outcome: Outcome
    run_at: int
    attempts: int = 0
    error: str | None = None


def settle(record: Record, body: Body | None, ending: Ending, now: int, error: str | None = None) -> Settlement:
    """Decide what becomes of the claimed `record`.

    Args:
        body: its decoded body; None if that failed, which makes it fail as a one-off would.
        now: the store's wall instant at the end of the run.
        error: the text to keep.
    """
    outcome = OUTCOMES["once" if body is None else body.run_type, ending]
    run_at, attempts = record.run_at, record.attempts
    if outcome == "released":
        attempts -= 1
    elif outcome == "next":
        following = _following(record, body, now)
        if following is None:
            outcome = "done"
        else:
            run_at, attempts = following, 0
    return Settlement(
        task_id=record.task_id, token=record.token, outcome=outcome, run_at=run_at, attempts=attempts, error=error
    )


def _following(record: Record, body: Body | None, now: int) -> int | None:
    if body is None or body.interval is None:
        return None
    instant = next_on_grid(record.run_at, duration_micros(body.interval), now, coalesce=body.coalesce)
    try:
        from_micros(instant)
    except OverflowError:  # it lies past the year 9999, so there is no next occurrence
        return None
    return instant
