"""What becomes of an occurrence when its run has ended: a table, and functions that read it.

::

    scheduled ──claim──▶ running ──┬── done       the task is deleted
        ▲                          ├── failed     the task is kept with its error
        ├──────────────────────────┼── next       the task moves to its next occurrence
        └──────────────────────────┴── released   the occurrence is given back unrun
"""

from typing import Any, Literal

import msgspec

from taskshed._body import Body
from taskshed._progress import Progress
from taskshed._records import Record
from taskshed.schedules._occurrences import count, first_after

Kind = Literal["once", "recurring", "beside"]
Ending = Literal["succeeded", "raised", "interrupted"]
Outcome = Literal["done", "next", "failed", "released"]

OUTCOMES: dict[tuple[Kind, Ending], Outcome] = {
    ("once", "succeeded"): "done",
    ("once", "raised"): "failed",
    ("once", "interrupted"): "released",
    ("recurring", "succeeded"): "next",
    ("recurring", "raised"): "next",
    ("recurring", "interrupted"): "released",
    ("beside", "succeeded"): "done",
    ("beside", "raised"): "done",  # its failure is noted with the task that it is an occurrence of
    ("beside", "interrupted"): "released",
}


class Settlement(msgspec.Struct, kw_only=True, frozen=True):
    """What to write for one claimed occurrence; it counts only while `token` is the task's own.

    Attributes:
        run_at: when the task runs next.
        attempts: the runs begun of that occurrence.
        error: replaces the stored one unless None.
        progress: replaces the stored one.
        child: a new task, to be added if this counts; its id is free to change.
    """

    task_id: str
    token: int
    outcome: Outcome
    run_at: int
    attempts: int = 0
    error: str | None = None
    progress: str | None = None
    child: Record | None = None


class Run(msgspec.Struct, kw_only=True, frozen=True):
    """A run of a claimed occurrence.

    Attributes:
        record: as it was claimed.
        body, progress: the record's, decoded.
        at: the wall instant of the occurrence; of missed ones that became one run the last.
        missed: how many others that run is for.
        delay: how many microseconds later it was to begin.
        begun: the wall instant at which it began.
    """

    record: Record
    body: Body
    progress: Progress
    at: int
    missed: int = 0
    delay: int
    begun: int


def released(record: Record) -> Settlement:
    """Give a claimed record back as if the claim had never been."""
    return settlement(record, "released", attempts=record.attempts - 1)


def failed(record: Record, error: str) -> Settlement:
    """Keep a claimed record as it is, with an error."""
    return settlement(record, "failed", error=error)


def settle(run: Run, ending: Ending, now: int, error: str | None = None, chance: float = 0) -> Settlement:
    """Decide what becomes of a run's task.

    Args:
        now: the store's wall instant at the end of the run.
        error: the text to keep.
        chance: by how much of its `jitter`, from 0 to 1, the next run is put off.
    """
    match OUTCOMES[kind(run.body), ending]:
        case "released":
            return released(run.record)
        case "next":
            following, skipped = _following(run, now)
            return proceed(run, following, run.progress.counting(runs=1, skipped=skipped), now, error, chance)
        case outcome:
            return settlement(run.record, outcome, error=error)


def proceed(
    run: Run, following: int | None, progress: Progress, now: int, error: str | None = None, chance: float = 0
) -> Settlement:
    """Let a recurring task go on with the occurrence `following`, or end if it has none; with an error, it is kept."""
    if following is None or is_over(run.body, progress, following):
        outcome: Outcome = "done" if error is None else "failed"
        return settlement(run.record, outcome, error=error, progress=progress.text())
    run_at, progress = progress.with_jitter(run.body, following, now, chance)
    return settlement(run.record, "next", run_at=run_at, attempts=0, error=error, progress=progress.text())


def kind(body: Body) -> Kind:
    """How the end of a run counts."""
    if body.occurrence_of is not None:
        return "beside"
    return "once" if body.schedule is None else "recurring"


def settlement(record: Record, outcome: Outcome, **fields: Any) -> Settlement:
    """The settlement of a claimed record, which leaves what is not among `fields`."""
    left: dict[str, Any] = {"run_at": record.run_at, "attempts": record.attempts, "progress": record.progress}
    return Settlement(task_id=record.task_id, token=record.token, outcome=outcome, **left | fields)


def _following(run: Run, now: int) -> tuple[int | None, int]:
    """The next occurrence, and how many are passed over because the run went on too long.

    What came before the run began was not passed over but missed: with `coalesce` this run made up for it, without,
    each gets its own.
    """
    schedule, body = run.body.schedule, run.body
    if schedule is None:
        return None, 0
    if body.fixed_delay:
        return first_after(schedule, now, now), 0
    following = next_after(run)
    if following is None or not run.begun < following <= now or body.overlap != "skip":
        return following, 0
    return first_after(schedule, following, now), count(schedule, following, min(now, body.last) + 1)


def next_after(run: Run) -> int | None:
    """The occurrence after that of a run."""
    return None if run.body.schedule is None else first_after(run.body.schedule, run.at, run.at)


def is_over(body: Body, progress: Progress, following: int | None) -> bool:
    """Whether a recurring task has no further occurrence, `following` being what its schedule says."""
    if following is None:
        return True
    if body.max_runs is not None and progress.runs >= body.max_runs:
        return True
    return following > body.last
