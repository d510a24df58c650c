"""Whether to run an occurrence that was claimed, and what becomes of it otherwise."""

import msgspec

from taskshed._body import Body
from taskshed._clock import duration_micros, from_micros
from taskshed._ids import new_task_id
from taskshed._planning._runs import Run
from taskshed._planning._settling import Settlement, failed, is_over, next_after, proceed, settle
from taskshed._progress import Progress
from taskshed._records import Record
from taskshed.schedules._occurrences import count, first_after


def begin(run: Run, chance: float = 0) -> Settlement | None:
    """Decide what becomes of a run that is about to begin; None: it begins.

    Args:
        chance: by how much of its `jitter`, from 0 to 1, the run after this one is put off, if that is decided now.
    """
    now, grace, before = run.begun, run.body.misfire_grace, run.record.attempts - 1
    if run.record.cancelled_at is not None:  # its worker has died before it could obey
        return settle(_unbegun(run), "cancelled", now, cancelled_text(run), chance)
    if run.retry is not None and not run.retry.allows_another(before):
        error = f"callback {run.body.callback!r}: the worker died in the last of {before} attempts"
        return settle(_unbegun(run), "exhausted", now, error, chance)
    if grace is not None and now - run.at - run.delay > duration_micros(grace):
        return _pass_over(_unbegun(run), now, duration_micros(grace), chance)
    if run.body.overlap == "allow":
        following, progress = next_after(run), run.progress.counting(runs=1)
        if not is_over(run.body, progress, following):  # beside the last run there is none to come
            goes_on = proceed(run, following, progress, now, chance=chance)
            return msgspec.structs.replace(goes_on, child=_child(run))
    return None


def cancelled_text(run: Run) -> str:
    """What is kept of a run that a user has cancelled."""
    return f"callback {run.body.callback!r}: cancelled"


def _unbegun(run: Run) -> Run:
    record = msgspec.structs.replace(run.record, attempts=run.record.attempts - 1)
    return msgspec.structs.replace(run, record=record)


def _pass_over(run: Run, now: int, grace: int, chance: float) -> Settlement:
    """Skip a run that is too late: a one-off is kept, as failed; a recurring task goes on with what is not too late."""
    body, schedule = run.body, run.body.schedule
    due = from_micros(run.at + run.delay)
    error = f"due at {due}, skipped {from_micros(now) - due} later, for misfire_grace is {body.misfire_grace}"
    if schedule is None:
        return failed(run.record, error)
    if body.fixed_delay:
        following, skipped = first_after(schedule, now, now), 1
    else:
        following = first_after(schedule, run.at, now - grace - 1)
        end = body.last + 1 if following is None else min(following, body.last + 1)
        skipped = count(schedule, run.record.run_at - run.progress.delay, end)
    return proceed(run, following, run.progress.counting(skipped=skipped), now, error, chance)


def _child(run: Run) -> Record:
    """A task of its own for this occurrence, so that it may run beside those that follow."""
    body = Body(
        callback=run.body.callback,
        kwargs=run.body.kwargs,
        retry=run.body.retry,
        timeout=run.body.timeout,
        occurrence_of=run.record.task_id,
    )
    run_at = run.at + run.delay
    progress = Progress(delay=run.delay, delayed_to=run_at if run.delay else 0)
    return Record(
        task_id=new_task_id(),
        group_id=run.record.group_id,
        body=body.text(),
        run_at=run_at,
        progress=progress.text(),
    )
