"""Occurrences that become tasks of their own, so that they run beside those that follow."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from core.claims import MINUTELY, TEN, at, claimed, put_off, task, verdict

from taskshed._body import Body
from taskshed._clock import from_micros
from taskshed._planning import Ending, Outcome, Run, Settlement, settle
from taskshed._progress import Progress
from taskshed._records import Record, thaw
from taskshed.schedules import Interval

ALLOW: dict[str, Any] = {"schedule": TEN, "overlap": "allow"}


def fork(body: Body, run_at: float, now: float, progress: Progress | None = None, chance: float = 0) -> Settlement:
    settlement = verdict(claimed(body, run_at, progress), at(now), chance)
    assert isinstance(settlement, Settlement)
    return settlement


def child_of(settlement: Settlement) -> Record:
    assert settlement.child is not None
    return settlement.child


FORKS: dict[str, tuple[Body, float, float, float]] = {
    # task, now, the occurrence that runs beside others, where the task stands then
    "in time": (task(**ALLOW), 100, 100, 110),
    "late": (task(**ALLOW), 109, 100, 110),
    "many missed": (task(**ALLOW), 1004, 1000, 1010),
    "a run each": (task(coalesce=False, **ALLOW), 1004, 100, 110),
    "within its grace": (task(misfire_grace=5, **ALLOW), 105, 100, 110),
    "its last run but one": (task(max_runs=6, **ALLOW), 100, 100, 110),
    "its last occurrence but one": (task(end_at=110, **ALLOW), 100, 100, 110),
    "cron": (task(schedule=MINUTELY, overlap="allow"), 119, 100, 120),
    "cron, one missed": (task(schedule=MINUTELY, overlap="allow"), 130, 120, 180),
}


@pytest.mark.parametrize(("body", "now", "beside", "stands"), FORKS.values(), ids=FORKS)
def test_an_occurrence_becomes_a_task_and_its_own_goes_on(body: Body, now: float, beside: float, stands: float) -> None:
    settlement = fork(body, 100, now, Progress(runs=4, skipped=2))
    child = child_of(settlement)
    assert settlement == Settlement(
        task_id="a",
        token=7,
        outcome="next",
        run_at=at(stands),
        progress=Progress(runs=5, skipped=2).text(),
        child=child,
    )
    body_of_child = Body("ring", occurrence_of="a")
    assert child == Record(task_id=child.task_id, group_id="g", body=body_of_child.text(), run_at=at(beside))
    assert child.due == at(beside)


def test_the_child_has_the_arguments_and_no_policies() -> None:
    body = task(
        kwargs=msgspec.Raw(b'{"n":1}'), misfire_grace=5, jitter=4, max_runs=9, end_at=500, coalesce=False, **ALLOW
    )
    child = thaw(child_of(fork(body, 100, 100)))
    assert (child.callback, child.kwargs, child.group_id, child.occurrence_of) == ("ring", {"n": 1}, "g", "a")
    assert (child.run_type, child.misfire_grace, child.jitter, child.end_at) == ("once", None, None, None)
    assert (child.status, child.attempts, child.paused) == ("scheduled", 0, False)


def test_each_child_has_an_id_of_its_own() -> None:
    ids = [child_of(fork(task(**ALLOW), 100, 100)).task_id for _ in range(3)]
    assert len({*ids, "a"}) == 4


def test_the_child_of_a_run_that_was_put_off_is_put_off_as_far() -> None:
    child = child_of(fork(task(jitter=4, **ALLOW), 103, 103, put_off(3, 103)))
    told = thaw(child)
    assert (child.run_at, told.run_at, told.delayed) == (at(103), from_micros(at(100)), timedelta(seconds=3))


def test_the_child_of_a_later_occurrence_is_not_put_off() -> None:
    child = child_of(fork(task(jitter=4, **ALLOW), 103, 114, put_off(3, 103)))
    assert (child.run_at, child.progress) == (at(110), None)


def test_the_next_occurrence_is_put_off_by_chance() -> None:
    settlement = fork(task(jitter=4, **ALLOW), 103, 103, put_off(3, 103, runs=1), chance=0.5)
    assert (settlement.run_at, settlement.progress) == (at(112), put_off(2, 112, runs=2).text())


def test_what_is_too_late_has_no_child() -> None:
    assert fork(task(misfire_grace=5, **ALLOW), 100, 106).child is None


LAST: dict[str, tuple[Body, float, float]] = {
    # task, now, the occurrence that is run
    "its last run": (task(max_runs=5, **ALLOW), 100, 100),
    "its last run, late": (task(max_runs=5, **ALLOW), 1004, 1000),
    "its last occurrence": (task(end_at=109.999999, **ALLOW), 100, 100),
    "its last occurrence, late": (task(end_at=130, **ALLOW), 1000, 130),
    "the last of all": (task(schedule=Interval(timedelta.max), overlap="allow"), 100, 100),
}


@pytest.mark.parametrize(("body", "now", "occurrence"), LAST.values(), ids=LAST)
def test_the_last_occurrence_is_run_by_its_own_task(body: Body, now: float, occurrence: float) -> None:
    record = claimed(body, 100, Progress(runs=4, skipped=2))
    run = verdict(record, at(now))
    assert isinstance(run, Run)
    assert (run.at, run.record) == (at(occurrence), record)
    for ending, error, outcome in (("succeeded", None, "done"), ("raised", "boom", "failed")):
        settlement = settle(run, ending, at(now + 5), error)  # type: ignore[arg-type]  # mypy widens the literals
        assert (settlement.outcome, settlement.error) == (outcome, error)
        assert settlement.progress == Progress(runs=5, skipped=2).text()


ENDINGS: list[tuple[Ending, Outcome]] = [("succeeded", "done"), ("raised", "done"), ("interrupted", "released")]


@pytest.mark.parametrize(("ending", "outcome"), ENDINGS)
def test_a_child_runs_like_a_one_off_and_leaves_nothing_behind(ending: Ending, outcome: Outcome) -> None:
    child = child_of(fork(task(jitter=4, misfire_grace=5, **ALLOW), 103, 103, put_off(3, 103)))
    child.token, child.attempts, child.leased_until = 9, 1, at(10**6)
    run = verdict(child, at(5000))
    assert isinstance(run, Run)
    assert (run.at, run.delay, run.body.occurrence_of) == (at(100), at(3), "a")
    settlement = settle(run, ending, at(5001), "boom" if ending == "raised" else None)
    assert (settlement.outcome, settlement.token, settlement.run_at) == (outcome, 9, at(103))
    assert settlement.attempts == (0 if outcome == "released" else 1)
    assert settlement.progress == child.progress
