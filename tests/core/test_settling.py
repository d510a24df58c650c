"""What becomes of an occurrence when its run has ended."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from core.claims import ATTEMPTS, MINUTELY, TEN, at, claimed, put_off, task, verdict

from taskshed._body import Body
from taskshed._clock import to_micros
from taskshed._planning import OUTCOMES, Ending, Kind, Outcome, Run, Settlement, failed, released, settle
from taskshed._progress import Progress
from taskshed.models import RetryPolicy
from taskshed.schedules import Interval

LAST = to_micros(datetime.max.replace(tzinfo=UTC))
SO_FAR = Progress(runs=4, skipped=2)


def run_of(
    body: Body,
    occurrence: float = 100,
    begun: float | None = None,
    progress: Progress = SO_FAR,
    retry: RetryPolicy | None = None,
) -> Run:
    """A run of an occurrence, begun at its time unless told."""
    record = claimed(body, occurrence + progress.delay / 1_000_000, progress)
    begun_at = record.run_at if begun is None else at(begun)
    return Run(
        record=record,
        body=body,
        progress=progress,
        at=at(occurrence),
        delay=progress.delay,
        begun=begun_at,
        retry=retry,
    )


def settled(
    outcome: Outcome, run_at: float, attempts: int = ATTEMPTS, progress: Progress = SO_FAR, error: str | None = None
) -> Settlement:
    return Settlement(
        task_id="a",
        token=7,
        outcome=outcome,
        run_at=at(run_at),
        attempts=attempts,
        error=error,
        progress=progress.text(),
    )


RECURRING = task(schedule=TEN)
BESIDE = task(occurrence_of="b")
ENDED = Progress(runs=5, skipped=2)
AGAIN = RetryPolicy(max_attempts=ATTEMPTS + 1, delay=timedelta(seconds=1), multiplier=1)
PUT_OFF = Progress(runs=4, skipped=2, delay=at(6), delayed_to=at(106))
UNSUCCESSFUL = ("raised", "exhausted", "cancelled")
BECOMES: dict[str, tuple[Body, Ending, Settlement]] = {
    "once, succeeded": (task(), "succeeded", settled("done", 100)),
    "once, raised": (task(), "raised", settled("retry", 106, progress=PUT_OFF, error="boom")),
    "once, exhausted": (task(), "exhausted", settled("failed", 100, error="boom")),
    "once, cancelled": (task(), "cancelled", settled("failed", 100, error="boom")),
    "once, interrupted": (task(), "interrupted", settled("released", 100, ATTEMPTS - 1)),
    "once, lost": (task(), "lost", settled("released", 100)),
    "recurring, succeeded": (RECURRING, "succeeded", settled("next", 110, 0, ENDED)),
    "recurring, raised": (RECURRING, "raised", settled("retry", 106, progress=PUT_OFF, error="boom")),
    "recurring, exhausted": (RECURRING, "exhausted", settled("next", 110, 0, ENDED, "boom")),
    "recurring, cancelled": (RECURRING, "cancelled", settled("next", 110, 0, ENDED, "boom")),
    "recurring, interrupted": (RECURRING, "interrupted", settled("released", 100, ATTEMPTS - 1)),
    "recurring, lost": (RECURRING, "lost", settled("released", 100)),
    "beside, succeeded": (BESIDE, "succeeded", settled("done", 100)),
    "beside, raised": (BESIDE, "raised", settled("retry", 106, progress=PUT_OFF, error="boom")),
    "beside, exhausted": (BESIDE, "exhausted", settled("done", 100, error="boom")),
    "beside, cancelled": (BESIDE, "cancelled", settled("done", 100, error="boom")),
    "beside, interrupted": (BESIDE, "interrupted", settled("released", 100, ATTEMPTS - 1)),
    "beside, lost": (BESIDE, "lost", settled("released", 100)),
}


@pytest.mark.parametrize(("body", "ending", "expected"), BECOMES.values(), ids=BECOMES)
def test_a_run_that_ended_becomes(body: Body, ending: Ending, expected: Settlement) -> None:
    error = "boom" if ending in UNSUCCESSFUL else None
    assert settle(run_of(body, retry=AGAIN), ending, at(105), error, chance=1) == expected


@pytest.mark.parametrize("retry", [None, RetryPolicy(max_attempts=ATTEMPTS)], ids=["no policy", "no attempt left"])
@pytest.mark.parametrize("body", [task(), RECURRING, BESIDE], ids=["once", "recurring", "beside"])
def test_a_run_that_raised_and_may_not_be_tried_again_is_exhausted(body: Body, retry: RetryPolicy | None) -> None:
    run = run_of(body, retry=retry)
    assert settle(run, "raised", at(105), "boom") == settle(run, "exhausted", at(105), "boom")


def test_every_ending_of_every_kind_of_task_has_an_outcome() -> None:
    assert set(OUTCOMES) == {(kind, ending) for kind in get_args(Kind) for ending in get_args(Ending)}
    assert set(OUTCOMES.values()) == set(get_args(Outcome))
    assert len(BECOMES) == len(OUTCOMES)


def test_what_is_given_back_has_never_been_claimed() -> None:
    record = claimed(task(schedule=TEN, jitter=5), 103, put_off(3, 103, runs=4))
    assert released(record) == settled("released", 103, ATTEMPTS - 1, put_off(3, 103, runs=4))
    assert released(msgspec.structs.replace(record, attempts=1)).attempts == 0


def test_what_fails_is_kept_as_it_stands() -> None:
    record = claimed(task(schedule=TEN, jitter=5), 103, put_off(3, 103, runs=4))
    assert failed(record, "boom") == settled("failed", 103, progress=put_off(3, 103, runs=4), error="boom")


def test_what_is_decided_leaves_the_run_as_it_was() -> None:
    run = run_of(RECURRING)
    settle(run, "succeeded", at(105))
    assert run == run_of(RECURRING)


Timing = tuple[float, float, float]  # the occurrence, when its run began, when it ended
SHORT: Timing = (100, 100, 105)
JUST_SHORTER: Timing = (100, 100, 109.999999)
AS_LONG: Timing = (100, 100, 110)
LONG: Timing = (100, 100, 125)
LATE: Timing = (1000, 1004, 1005)
LATE_AND_LONG: Timing = (1000, 1004, 1025)
CLOCK_SET_BACK: Timing = (100, 100, 50)
BEHIND: Timing = (100, 100, 1005)  # a run each: long ago is what was missed
MISSED: Timing = (100, 1004, 1005)

OVERLAPS: dict[str, tuple[dict[str, Any], Timing, float, int]] = {
    # policies of a task that recurs every 10 seconds, timing, the next occurrence, how many are skipped
    "skip, shorter": ({}, SHORT, 110, 0),
    "skip, shorter by a microsecond": ({}, JUST_SHORTER, 110, 0),
    "skip, exactly as long": ({}, AS_LONG, 120, 1),
    "skip, longer": ({}, LONG, 130, 2),
    "skip, late": ({}, LATE, 1010, 0),
    "skip, late and longer": ({}, LATE_AND_LONG, 1030, 2),
    "skip, clock set back": ({}, CLOCK_SET_BACK, 110, 0),
    "skip, a run each, shorter": ({"coalesce": False}, SHORT, 110, 0),
    "skip, a run each, exactly as long": ({"coalesce": False}, AS_LONG, 120, 1),
    "skip, a run each, longer": ({"coalesce": False}, LONG, 130, 2),
    "skip, a run each, very long": ({"coalesce": False}, BEHIND, 1010, 90),
    "skip, a run each, missed": ({"coalesce": False}, MISSED, 110, 0),
    "skip, a run each, missed and longer": ({"coalesce": False}, (100, 1004, 1025), 110, 0),
    "skip, a run each, the last missed": ({"coalesce": False}, LATE_AND_LONG, 1030, 2),
    "skip, until the end": ({"end_at": 130}, LONG, 130, 2),
    "queue, shorter": ({"overlap": "queue"}, SHORT, 110, 0),
    "queue, exactly as long": ({"overlap": "queue"}, AS_LONG, 110, 0),
    "queue, longer": ({"overlap": "queue"}, LONG, 110, 0),
    "queue, late and longer": ({"overlap": "queue"}, LATE_AND_LONG, 1010, 0),
    "queue, a run each, longer": ({"overlap": "queue", "coalesce": False}, LONG, 110, 0),
    "queue, a run each, missed": ({"overlap": "queue", "coalesce": False}, MISSED, 110, 0),
    "queue, until the end": ({"overlap": "queue", "end_at": 115}, LONG, 110, 0),
    "allow, longer": ({"overlap": "allow"}, LONG, 110, 0),
    "allow, a run each, longer": ({"overlap": "allow", "coalesce": False}, LONG, 110, 0),
    "fixed delay, shorter": ({"fixed_delay": True}, SHORT, 115, 0),
    "fixed delay, longer": ({"fixed_delay": True}, LONG, 135, 0),
    "fixed delay, late": ({"fixed_delay": True}, MISSED, 1015, 0),
    "fixed delay, queue, longer": ({"fixed_delay": True, "overlap": "queue"}, LONG, 135, 0),
    "fixed delay, clock set back": ({"fixed_delay": True}, CLOCK_SET_BACK, 60, 0),
    "fixed delay, until the end": ({"fixed_delay": True, "end_at": 135}, LONG, 135, 0),
    "the last run but one": ({"max_runs": 6}, SHORT, 110, 0),
    "the last occurrence": ({"end_at": 110}, SHORT, 110, 0),
}


@pytest.mark.parametrize("error", [None, "boom"], ids=["succeeded", "raised"])
@pytest.mark.parametrize(("fields", "timing", "following", "skipped"), OVERLAPS.values(), ids=OVERLAPS)
def test_a_recurring_task_goes_on_with(
    fields: dict[str, Any], timing: Timing, following: float, skipped: int, error: str | None
) -> None:
    occurrence, begun, ended = timing
    settlement = settle(
        run_of(task(schedule=TEN, **fields), occurrence, begun), "raised" if error else "succeeded", at(ended), error
    )
    assert settlement == settled("next", following, 0, Progress(runs=5, skipped=2 + skipped), error)


CRON: dict[str, tuple[dict[str, Any], Timing, float, int]] = {
    # policies of a task that recurs every minute, timing, the next occurrence, how many are skipped
    "shorter": ({}, (600, 600, 659), 660, 0),
    "exactly as long": ({}, (600, 600, 660), 720, 1),
    "longer": ({}, (600, 600, 730), 780, 2),
    "longer than is counted": ({}, (600, 600, 120_030), 120_060, 1000),
    "queue, longer": ({"overlap": "queue"}, (600, 600, 730), 660, 0),
    "missed": ({"coalesce": False}, (600, 730, 731), 660, 0),
}


@pytest.mark.parametrize(("fields", "timing", "following", "skipped"), CRON.values(), ids=CRON)
def test_a_cron_task_goes_on_with(fields: dict[str, Any], timing: Timing, following: float, skipped: int) -> None:
    occurrence, begun, ended = timing
    settlement = settle(run_of(task(schedule=MINUTELY, **fields), occurrence, begun), "succeeded", at(ended))
    assert settlement == settled("next", following, 0, Progress(runs=5, skipped=2 + skipped))


ENDS: dict[str, tuple[dict[str, Any], Timing, int]] = {
    # policies of a task that recurs every 10 seconds, timing, how many are skipped
    "its runs are used up": ({"max_runs": 5}, SHORT, 0),
    "its runs were used up before": ({"max_runs": 2}, SHORT, 0),
    "right before the next": ({"end_at": 109.999999}, SHORT, 0),
    "at this one": ({"end_at": 100}, SHORT, 0),
    "before this one": ({"end_at": 50}, SHORT, 0),
    "while it ran, before one came": ({"end_at": 109}, LONG, 0),
    "while it ran, after one came": ({"end_at": 110}, LONG, 1),
    "while it ran, after two came": ({"end_at": 129}, LONG, 2),
    "queue, right before the next": ({"overlap": "queue", "end_at": 109}, LONG, 0),
    "fixed delay, right before the next": ({"fixed_delay": True, "end_at": 134.999999}, LONG, 0),
}


@pytest.mark.parametrize("error", [None, "boom"], ids=["succeeded", "raised"])
@pytest.mark.parametrize(("fields", "timing", "skipped"), ENDS.values(), ids=ENDS)
def test_a_recurring_task_ends_and_is_kept_if_its_last_run_failed(
    fields: dict[str, Any], timing: Timing, skipped: int, error: str | None
) -> None:
    occurrence, begun, ended = timing
    run = run_of(task(schedule=TEN, **fields), occurrence, begun)
    settlement = settle(run, "raised" if error else "succeeded", at(ended), error)
    outcome: Outcome = "failed" if error else "done"
    assert settlement == settled(outcome, 100, progress=Progress(runs=5, skipped=2 + skipped), error=error)


def test_an_interrupted_last_run_is_made_again() -> None:
    run = run_of(task(schedule=TEN, max_runs=5, end_at=100))
    assert settle(run, "interrupted", at(105)) == settled("released", 100, ATTEMPTS - 1)


JITTER: dict[str, tuple[dict[str, Any], Timing, float, float, float]] = {
    # policies, timing, chance, the next occurrence, by how much it is put off
    "by no chance": ({}, SHORT, 0, 110, 0),
    "by half a chance": ({}, SHORT, 0.5, 110, 2),
    "by all chance": ({}, SHORT, 1, 110, 4),
    "past the one that was skipped": ({}, LONG, 0.5, 130, 2),
    "not what is due": ({"overlap": "queue"}, LONG, 1, 110, 0),
    "not what is due exactly now": ({"overlap": "queue"}, AS_LONG, 1, 110, 0),
    "not past the end": ({"end_at": 111}, SHORT, 1, 110, 1),
    "with a fixed delay": ({"fixed_delay": True}, SHORT, 1, 115, 4),
}


@pytest.mark.parametrize(("fields", "timing", "chance", "following", "delay"), JITTER.values(), ids=JITTER)
def test_the_next_run_is_put_off(
    fields: dict[str, Any], timing: Timing, chance: float, following: float, delay: float
) -> None:
    occurrence, begun, ended = timing
    run = run_of(task(schedule=TEN, jitter=4, **fields), occurrence, begun)
    settlement = settle(run, "succeeded", at(ended), chance=chance)
    assert settlement.run_at == at(following + delay)
    progress = msgspec.json.decode(settlement.progress or "", type=Progress)
    assert (progress.delay, progress.delayed_to) == ((at(delay), settlement.run_at) if delay else (0, 0))


@pytest.mark.parametrize(("ended", "following", "skipped"), [(109.9, 110, 0), (112, 120, 1)], ids=["in time", "longer"])
def test_a_run_that_was_put_off_leaves_the_schedule_where_it_is(ended: float, following: float, skipped: int) -> None:
    run = run_of(task(schedule=TEN, jitter=9), progress=put_off(9, 109, runs=4))
    assert settle(run, "succeeded", at(ended)) == settled("next", following, 0, Progress(runs=5, skipped=skipped))


YEAR_9999: dict[str, tuple[int, timedelta, int, Outcome]] = {
    "the last microsecond is reached": (LAST - 1, timedelta.resolution, LAST - 1, "next"),
    "it is passed": (LAST, timedelta.resolution, LAST, "done"),
    "it is passed by the longest interval": (0, timedelta.max, 5, "done"),
    "it is passed since the run was long": (LAST - 5, timedelta(microseconds=5), LAST, "done"),
}


@pytest.mark.parametrize("error", [None, "boom"], ids=["succeeded", "raised"])
@pytest.mark.parametrize(("run_at", "interval", "now", "outcome"), YEAR_9999.values(), ids=YEAR_9999)
def test_a_recurring_task_ends_with_the_year_9999(
    run_at: int, interval: timedelta, now: int, outcome: Outcome, error: str | None
) -> None:
    record = msgspec.structs.replace(claimed(task(schedule=Interval(interval)), 100), run_at=run_at)
    run = verdict(record, run_at)
    assert isinstance(run, Run)
    settlement = settle(run, "raised" if error else "succeeded", now, error)
    assert settlement.outcome == ("failed" if error and outcome == "done" else outcome)
    assert settlement.run_at == (LAST if outcome == "next" else run_at)
