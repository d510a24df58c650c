"""What becomes of an occurrence when its run has ended: a table, and functions that read it.

::

    scheduled ──claim──▶ running ──┬── done       the task is deleted
        ▲                          ├── failed     the task is kept with its error
        ├──────────────────────────┼── next       the task moves to its next occurrence
        ├──────────────────────────┼── retry      the occurrence is put off and tried again
        └──────────────────────────┴── released   the occurrence is given back
"""

from typing import Any, Literal

import msgspec

from taskshed._body import Body
from taskshed._clock import duration_micros
from taskshed._planning._runs import Run
from taskshed._progress import Progress
from taskshed._records import Record
from taskshed.schedules._occurrences import count, first_after

Kind = Literal["once", "recurring", "beside"]
# How a run ends. `raised` may be tried again and `exhausted` may not; `cancelled` is what a user did to it; a worker
# that ends has `interrupted` it, and one that could not renew its lease has `lost` it.
Ending = Literal["succeeded", "raised", "exhausted", "cancelled", "interrupted", "lost"]
Outcome = Literal["done", "next", "retry", "failed", "released"]

OUTCOMES: dict[tuple[Kind, Ending], Outcome] = {
    ("once", "succeeded"): "done",
    ("once", "raised"): "retry",
    ("once", "exhausted"): "failed",
    ("once", "cancelled"): "failed",
    ("once", "interrupted"): "released",
    ("once", "lost"): "released",
    ("recurring", "succeeded"): "next",
    ("recurring", "raised"): "retry",
    ("recurring", "exhausted"): "next",
    ("recurring", "cancelled"): "next",
    ("recurring", "interrupted"): "released",
    ("recurring", "lost"): "released",
    ("beside", "succeeded"): "done",
    ("beside", "raised"): "retry",
    ("beside", "exhausted"): "done",  # its failure is noted with the task that it is an occurrence of
    ("beside", "cancelled"): "done",
    ("beside", "interrupted"): "released",
    ("beside", "lost"): "released",
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


def released(record: Record) -> Settlement:
    """Give a claimed record back as if the claim had never been."""
    return settlement(record, "released", attempts=record.attempts - 1)


def failed(record: Record, error: str) -> Settlement:
    """Keep a claimed record as it is, with an error."""
    return settlement(record, "failed", error=error)


def left(run: Run, now: int, pause: int) -> Settlement:
    """Give an occurrence back, so that nobody takes it before `pause` microseconds have passed."""
    return _put_off(run, "released", now + pause, run.record.attempts - 1)


def settle(run: Run, ending: Ending, now: int, error: str | None = None, chance: float = 0) -> Settlement:
    """Decide what becomes of a run's task.

    Args:
        now: the store's wall instant at the end of the run.
        error: the text to keep.
        chance: by how much of its `jitter`, from 0 to 1, the next run or attempt is put off.
    """
    match OUTCOMES[kind(run.body), final(run, ending)]:
        case "released":
            # A run that was lost may have had effects, so it counts.
            return released(run.record) if ending == "interrupted" else settlement(run.record, "released")
        case "retry":
            return _retry(run, now, error, chance)
        case "next":
            following, skipped = _following(run, now)
            return proceed(run, following, run.progress.counting(runs=1, skipped=skipped), now, error, chance)
        case outcome:
            return settlement(run.record, outcome, error=error)


def final(run: Run, ending: Ending) -> Ending:
    """What an ending comes to: who raised without a policy that allows another attempt is exhausted."""
    if ending == "raised" and not (run.retry is not None and run.retry.allows_another(run.record.attempts)):
        return "exhausted"
    return ending


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


def _retry(run: Run, now: int, error: str | None, chance: float) -> Settlement:
    """Try again after a pause; missed occurrences become one run, so there the next one does for both."""
    assert run.retry is not None
    at = now + duration_micros(run.retry.pause_after(run.record.attempts, chance))
    following, _ = _following(run, now)
    if following is not None and run.body.coalesce and not run.body.fixed_delay:
        at = min(at, max(now, following))
    return _put_off(run, "retry", at, run.record.attempts, error)


def _put_off(run: Run, outcome: Outcome, at: int, attempts: int, error: str | None = None) -> Settlement:
    """Let the occurrence be due at another time, and still be the same."""
    at = max(at, run.at)
    progress = run.progress.put_off(at - run.at, at)
    return settlement(run.record, outcome, run_at=at, attempts=attempts, error=error, progress=progress.text())


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
