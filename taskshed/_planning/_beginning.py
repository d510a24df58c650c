"""What to do with an occurrence that was claimed."""

import msgspec

from taskshed._body import Body
from taskshed._clock import duration_micros, from_micros
from taskshed._ids import new_task_id
from taskshed._planning._settling import Run, Settlement, failed, is_over, next_after, proceed
from taskshed._progress import Progress
from taskshed._records import Record, read_record
from taskshed.schedules._occurrences import count, first_after, latest


def begin(record: Record, now: int, chance: float = 0) -> Run | Settlement:
    """Decide what to do with a claimed record.

    Args:
        now: the store's wall instant.
        chance: by how much of its `jitter`, from 0 to 1, the run after this one is put off, if that is decided now.

    Raises:
        Exception: it cannot be read.
    """
    run = _run_of(record, now)
    grace = run.body.misfire_grace
    if grace is not None and now - run.at - run.delay > duration_micros(grace):
        return _pass_over(run, now, duration_micros(grace), chance)
    if run.body.overlap == "allow":
        following, progress = next_after(run), run.progress.counting(runs=1)
        if not is_over(run.body, progress, following):  # beside the last run there is none to come
            goes_on = proceed(run, following, progress, now, chance=chance)
            return msgspec.structs.replace(goes_on, child=_child(run))
    return run


def _run_of(record: Record, now: int) -> Run:
    body, progress = read_record(record)
    at = record.run_at - progress.delay
    if body.schedule is not None and body.coalesce and not body.fixed_delay:
        last = latest(body.schedule, at, min(now, body.last))
        if last != at:
            missed = count(body.schedule, at, last)
            return Run(record=record, body=body, progress=progress, at=last, missed=missed, delay=0, begun=now)
    return Run(record=record, body=body, progress=progress, at=at, delay=progress.delay, begun=now)


def _pass_over(run: Run, now: int, grace: int, chance: float) -> Settlement:
    """Skip a run that is too late: a one-off is kept, as failed; a recurring task goes on with what is not too late."""
    record = msgspec.structs.replace(run.record, attempts=run.record.attempts - 1)  # it never began
    run = msgspec.structs.replace(run, record=record)
    body, schedule = run.body, run.body.schedule
    due = from_micros(run.at + run.delay)
    error = f"due at {due}, skipped {from_micros(now) - due} later, for misfire_grace is {body.misfire_grace}"
    if schedule is None:
        return failed(record, error)
    if body.fixed_delay:
        following, skipped = first_after(schedule, now, now), 1
    else:
        following = first_after(schedule, run.at, now - grace - 1)
        end = body.last + 1 if following is None else min(following, body.last + 1)
        skipped = count(schedule, record.run_at - run.progress.delay, end)
    return proceed(run, following, run.progress.counting(skipped=skipped), now, error, chance)


def _child(run: Run) -> Record:
    """A task of its own for this occurrence, so that it may run beside those that follow."""
    run_at = run.at + run.delay
    body = Body(callback=run.body.callback, kwargs=run.body.kwargs, occurrence_of=run.record.task_id)
    progress = Progress(delay=run.delay, delayed_to=run_at if run.delay else 0)
    return Record(
        task_id=new_task_id(),
        group_id=run.record.group_id,
        body=body.text(),
        run_at=run_at,
        progress=progress.text(),
    )
