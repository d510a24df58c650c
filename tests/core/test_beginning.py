"""Which occurrence of a claimed task is run, and what becomes of those that are too late."""

from typing import Any

import msgspec
import pytest
from core.claims import ATTEMPTS, MINUTELY, TEN, at, claimed, put_off, task, verdict

from taskshed._body import Body
from taskshed._clock import from_micros
from taskshed._planning import Run, Settlement
from taskshed._progress import Progress
from taskshed.schedules import Cron

EACH: dict[str, Any] = {"schedule": TEN, "coalesce": False}

RUNS: dict[str, tuple[Body, float, float, float]] = {
    # task, run_at, now, the occurrence that is run
    "once": (task(), 100, 100, 100),
    "once, late": (task(), 100, 5000, 100),
    "once, a run each": (task(coalesce=False), 100, 5000, 100),
    "once, our clock is behind": (task(), 100, 99, 100),
    "interval": (task(schedule=TEN), 100, 100, 100),
    "interval, our clock is behind": (task(schedule=TEN), 100, 85, 100),
    "interval, before the second": (task(schedule=TEN), 100, 109.999999, 100),
    "interval, at the second": (task(schedule=TEN), 100, 110, 110),
    "interval, many missed": (task(schedule=TEN), 100, 100_005, 100_000),
    "interval, overlap queue": (task(schedule=TEN, overlap="queue"), 100, 125, 120),
    "interval, a run each": (task(**EACH), 100, 100_005, 100),
    "interval, until one of them": (task(schedule=TEN, end_at=130), 100, 1000, 130),
    "interval, until right before": (task(schedule=TEN, end_at=129.999999), 100, 1000, 120),
    "interval, its end is to come": (task(schedule=TEN, end_at=5000), 100, 1004, 1000),
    "interval, a run each until": (task(end_at=130, **EACH), 100, 1000, 100),
    "fixed delay, late": (task(schedule=TEN, fixed_delay=True), 100, 1004, 100),
    "fixed delay, a run each, late": (task(fixed_delay=True, **EACH), 100, 1004, 100),
    "cron": (task(schedule=MINUTELY), 600, 659, 600),
    "cron, at the second": (task(schedule=MINUTELY), 600, 660, 660),
    "cron, many missed": (task(schedule=MINUTELY), 600, 600_030, 600_000),
    "cron, a run each": (task(schedule=MINUTELY, coalesce=False), 600, 600_030, 600),
    "cron, until": (task(schedule=MINUTELY, end_at=719), 600, 600_030, 660),
    "cron, begun besides": (task(schedule=MINUTELY), 630, 650, 630),
    "cron, begun besides, one missed": (task(schedule=MINUTELY), 630, 670, 660),
    "within its grace": (task(misfire_grace=5), 100, 105, 100),
    "no grace, in time": (task(misfire_grace=0), 100, 100, 100),
    "the last missed within its grace": (task(schedule=TEN, misfire_grace=5), 100, 1005, 1000),
    "a run each within its grace": (task(misfire_grace=5, **EACH), 100, 105, 100),
    "cron, within its grace": (task(schedule=MINUTELY, misfire_grace=30), 600, 600_030, 600_000),
    "fixed delay within its grace": (task(schedule=TEN, fixed_delay=True, misfire_grace=50), 100, 150, 100),
    "the longest grace": (task(schedule=TEN, misfire_grace=86_400 * 999_999_999), 100, 1004, 1000),
}


@pytest.mark.parametrize(("body", "run_at", "now", "expected"), RUNS.values(), ids=RUNS)
def test_a_run_begins_of(body: Body, run_at: float, now: float, expected: float) -> None:
    record = claimed(body, run_at, Progress(runs=4, skipped=2))
    run = verdict(record, at(now), chance=1)
    assert run == Run(
        record=record,
        body=body,
        progress=Progress(runs=4, skipped=2),
        at=at(expected),
        missed=missed_before(body, run_at, expected),
        delay=0,
        begun=at(now),
    )


def missed_before(body: Body, run_at: float, expected: float) -> int:
    """How many occurrences one walks over, of cron up to 1,000."""
    walked, instant = 0, from_micros(at(run_at))
    while instant < from_micros(at(expected)):
        assert body.schedule is not None
        following = body.schedule.next_after(instant)
        assert following is not None
        walked, instant = walked + 1, following
    return min(walked, 1000) if isinstance(body.schedule, Cron) else walked


PUT_OFF: dict[str, tuple[Body, float, float, Progress, float, float]] = {
    # task, run_at, now, progress, the occurrence, how much later it was to begin
    "once": (task(), 103, 103, put_off(3, 103), 100, 3),
    "once, late": (task(), 103, 500, put_off(3, 103), 100, 3),
    "once, moved since": (task(), 104, 104, put_off(3, 103), 104, 0),
    "interval": (task(schedule=TEN), 103, 103, put_off(3, 103), 100, 3),
    "interval, before the second": (task(schedule=TEN), 103, 109.999999, put_off(3, 103), 100, 3),
    "interval, at the second": (task(schedule=TEN), 103, 110, put_off(3, 103), 110, 0),
    "interval, moved since": (task(schedule=TEN), 104, 113, put_off(3, 103), 104, 0),
    "interval, moved since, missed": (task(schedule=TEN), 104, 114, put_off(3, 103), 114, 0),
    "a run each, missed": (task(**EACH), 103, 500, put_off(3, 103), 100, 3),
    "fixed delay": (task(schedule=TEN, fixed_delay=True), 120, 150, put_off(20, 120), 100, 20),
    "in time within its grace": (task(misfire_grace=5), 103, 108, put_off(3, 103), 100, 3),
    "the second within its grace": (task(schedule=TEN, misfire_grace=5), 103, 115, put_off(3, 103), 110, 0),
}


@pytest.mark.parametrize(("body", "run_at", "now", "progress", "expected", "jitter"), PUT_OFF.values(), ids=PUT_OFF)
def test_a_run_that_was_put_off_begins_of(
    body: Body, run_at: float, now: float, progress: Progress, expected: float, jitter: float
) -> None:
    run = verdict(claimed(body, run_at, progress), at(now))
    assert isinstance(run, Run)
    assert (run.at, run.delay) == (at(expected), at(jitter))


LATE: dict[str, tuple[Body, float, float, float, int, float]] = {
    # task, run_at, now, the next occurrence, how many are skipped, which was to run
    "interval": (task(schedule=TEN, misfire_grace=5), 100, 105.000001, 110, 1, 100),
    "interval, no grace": (task(schedule=TEN, misfire_grace=0), 100, 100.000001, 110, 1, 100),
    "interval, many missed": (task(schedule=TEN, misfire_grace=5), 100, 1006, 1010, 91, 1000),
    "interval, until far": (task(schedule=TEN, misfire_grace=5, end_at=1010), 100, 1006, 1010, 91, 1000),
    "a run each, the last in time": (task(misfire_grace=5, **EACH), 100, 1004, 1000, 90, 100),
    "a run each, none in time": (task(misfire_grace=5, **EACH), 100, 1006, 1010, 91, 100),
    "a run each, three in time": (task(misfire_grace=25, **EACH), 100, 1004, 980, 88, 100),
    "a run each, one just in time": (task(misfire_grace=24, **EACH), 100, 1004, 980, 88, 100),
    "a run each, one just too late": (task(misfire_grace=23.999999, **EACH), 100, 1004, 990, 89, 100),
    "a run each, until the one in time": (task(misfire_grace=5, end_at=1000, **EACH), 100, 1004, 1000, 90, 100),
    "cron": (task(schedule=MINUTELY, misfire_grace=10), 600, 4230, 4260, 61, 4200),
    "cron, a run each": (task(schedule=MINUTELY, misfire_grace=40, coalesce=False), 600, 4230, 4200, 60, 600),
    "cron, more than are counted": (task(schedule=MINUTELY, misfire_grace=10), 600, 600_030, 600_060, 1000, 600000),
    "fixed delay": (task(schedule=TEN, fixed_delay=True, misfire_grace=5), 100, 1006, 1016, 1, 100),
    "fixed delay, a run each": (task(fixed_delay=True, misfire_grace=5, **EACH), 100, 1006, 1016, 1, 100),
    "allowed beside others": (task(schedule=TEN, overlap="allow", misfire_grace=5), 100, 1006, 1010, 91, 1000),
    "its runs are not used up": (task(schedule=TEN, max_runs=5, misfire_grace=5), 100, 106, 110, 1, 100),
}


@pytest.mark.parametrize(("body", "run_at", "now", "following", "skipped", "due"), LATE.values(), ids=LATE)
def test_a_recurring_task_that_is_too_late_goes_on_with(
    body: Body, run_at: float, now: float, following: float, skipped: int, due: float
) -> None:
    settlement = verdict(claimed(body, run_at, Progress(runs=4, skipped=2)), at(now))
    assert isinstance(settlement, Settlement)
    assert settlement == Settlement(
        task_id="a",
        token=7,
        outcome="next",
        run_at=at(following),
        error=settlement.error,
        progress=Progress(runs=4, skipped=2 + skipped).text(),
    )
    for words in (f"due at {from_micros(at(due))}", f"misfire_grace is {body.misfire_grace}"):
        assert words in (settlement.error or "")


def test_a_run_that_was_put_off_has_its_grace_from_then_on() -> None:
    body = task(schedule=TEN, misfire_grace=2, jitter=9)
    run = verdict(claimed(body, 105, put_off(5, 105)), at(107))
    assert isinstance(run, Run)
    late = verdict(claimed(body, 105, put_off(5, 105)), at(107.000001), chance=0.5)
    assert isinstance(late, Settlement)
    assert (late.outcome, late.run_at) == ("next", at(114.5))
    assert late.progress == put_off(4.5, 114.5, skipped=1).text()


OVER: dict[str, tuple[Body, int, str]] = {
    # task that is claimed for 100, how many are skipped at 1000, which was to run and how late it would have been
    "until one of them": (task(schedule=TEN, misfire_grace=5, end_at=130), 4, "00:02:10 0:14:30"),
    "until right before": (task(schedule=TEN, misfire_grace=5, end_at=129.999999), 3, "00:02:00 0:14:40"),
    "a run each, until": (task(misfire_grace=5, end_at=130, **EACH), 4, "00:01:40 0:15:00"),
    "fixed delay, until": (
        task(schedule=TEN, fixed_delay=True, misfire_grace=5, end_at=1009),
        1,
        "00:01:40 0:15:00",
    ),
    "cron, until": (task(schedule=MINUTELY, misfire_grace=5, end_at=240), 4, "00:04:00 0:12:40"),
}


@pytest.mark.parametrize(("body", "skipped", "late"), OVER.values(), ids=OVER)
def test_a_recurring_task_that_is_too_late_for_its_last_occurrence_fails(body: Body, skipped: int, late: str) -> None:
    settlement = verdict(claimed(body, 100, Progress(runs=4)), at(1000))
    assert isinstance(settlement, Settlement)
    assert (settlement.outcome, settlement.run_at, settlement.attempts) == ("failed", at(100), ATTEMPTS - 1)
    assert settlement.progress == Progress(runs=4, skipped=skipped).text()
    time, by = late.split()
    assert settlement.error == f"due at 1970-01-01 {time}+00:00, skipped {by} later, for misfire_grace is 0:00:05"


def test_a_one_off_that_is_too_late_fails_as_it_stands() -> None:
    progress = put_off(3, 103)
    settlement = verdict(claimed(task(misfire_grace=5), 103, progress), at(108.5))
    error = "due at 1970-01-01 00:01:43+00:00, skipped 0:00:05.500000 later, for misfire_grace is 0:00:05"
    assert settlement == Settlement(
        task_id="a",
        token=7,
        outcome="failed",
        run_at=at(103),
        attempts=ATTEMPTS - 1,
        error=error,
        progress=progress.text(),
    )


@pytest.mark.parametrize("fields", [{"body": "{"}, {"progress": "{"}, {"run_at": 10**20}], ids=str)
def test_what_cannot_be_read_does_not_begin(fields: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"."):
        verdict(msgspec.structs.replace(claimed(task(), 100), **fields), at(100))
