"""When a run that failed is tried again, and which occurrence that is."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from core.claims import MINUTELY, TEN, at, claimed, put_off, task, verdict

from taskshed._body import Body
from taskshed._planning import Defaults, Run, Settlement, left, settle
from taskshed._progress import Progress, progress_of
from taskshed._records import Record
from taskshed.models import RetryPolicy


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


POLICY = RetryPolicy(max_attempts=5, delay=seconds(2), multiplier=3, max_delay=seconds(30), jitter=seconds(4))
PAUSES: dict[str, tuple[RetryPolicy, int, float, float]] = {
    # policy, attempts so far, chance, the pause
    "the first": (POLICY, 1, 0, 2),
    "the second": (POLICY, 2, 0, 6),
    "the third": (POLICY, 3, 0, 18),
    "as long as can be": (POLICY, 4, 0, 30),
    "after very many": (POLICY, 10**9, 0, 30),
    "with half the jitter": (POLICY, 1, 0.5, 4),
    "with all of it": (POLICY, 4, 1, 34),
    "always alike": (RetryPolicy(delay=seconds(5), multiplier=1), 10**9, 0, 5),
    "at once": (RetryPolicy(delay=seconds(0)), 10**9, 0, 0),
    "the delay is longer than can be": (RetryPolicy(delay=seconds(9), max_delay=seconds(3)), 1, 0, 3),
}


@pytest.mark.parametrize(("policy", "attempts", "chance", "pause"), PAUSES.values(), ids=PAUSES)
def test_the_pause_after_an_attempt(policy: RetryPolicy, attempts: int, chance: float, pause: float) -> None:
    assert policy.pause_after(attempts, chance) == seconds(pause)


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no attempts": ({"max_attempts": 0}, ValueError, "max_attempts must be at least 1, not 0"),
    "attempts as text": ({"max_attempts": "3"}, TypeError, "max_attempts must be an int, not '3'"),
    "delay a number": ({"delay": 5}, TypeError, "delay must be a timedelta, not 5"),
    "delay back": ({"delay": -seconds(1)}, ValueError, "delay must not be negative"),
    "delay for ever": ({"max_delay": timedelta.max}, ValueError, "max_delay must be at most 36500 days"),
    "jitter back": ({"jitter": -seconds(1)}, ValueError, "jitter must not be negative"),
    "shrinking": ({"multiplier": 0.5}, ValueError, "multiplier must be from 1 to 1000, not 0.5"),
    "no number": ({"multiplier": float("nan")}, ValueError, "multiplier must be from 1 to 1000, not nan"),
    "multiplier as text": ({"multiplier": "2"}, TypeError, "multiplier must be a number, not '2'"),
}


@pytest.mark.parametrize(("fields", "kind", "text"), REFUSED.values(), ids=REFUSED)
def test_a_policy_that_makes_no_sense_is_refused(fields: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        RetryPolicy(**fields)


def running(body: Body, now: float, run_at: float = 100, attempts: int = 1, progress: Progress | None = None) -> Run:
    record = msgspec.structs.replace(claimed(body, run_at, progress), attempts=attempts)
    run = verdict(record, at(now))
    assert isinstance(run, Run)
    return run


def again(settlement: Settlement, body: Body, now: float) -> Run:
    """The run that a settlement leads to."""
    record = msgspec.structs.replace(
        claimed(body, 0), run_at=settlement.run_at, attempts=settlement.attempts + 1, progress=settlement.progress
    )
    run = verdict(record, at(now))
    assert isinstance(run, Run)
    return run


RETRY = RetryPolicy(max_attempts=3, delay=seconds(4), multiplier=2)
TIMES: dict[str, tuple[dict[str, Any], float, float, float, tuple[float, int, float]]] = {
    # task, begun, ended, tried again at, and then: occurrence, missed, delay
    "a one-off": ({}, 100, 101, 105, (100, 0, 5)),
    "a late one-off": ({}, 150, 151, 155, (100, 0, 55)),
    "recurring, before the next": ({"schedule": TEN}, 100, 101, 105, (100, 0, 5)),
    "recurring, the next does for both": ({"schedule": TEN}, 100, 108, 110, (110, 1, 0)),
    "recurring, what came meanwhile was passed over": ({"schedule": TEN}, 100, 123, 127, (120, 2, 0)),
    "a run each": ({"schedule": TEN, "coalesce": False}, 100, 108, 112, (100, 0, 12)),
    "queued": ({"schedule": TEN, "overlap": "queue"}, 100, 123, 123, (120, 2, 0)),
    "fixed delay": ({"schedule": TEN, "fixed_delay": True}, 100, 108, 112, (100, 0, 12)),
    "cron": ({"schedule": MINUTELY}, 120, 121, 125, (120, 0, 5)),
}


@pytest.mark.parametrize(("fields", "begun", "ended", "retried", "then"), TIMES.values(), ids=TIMES)
def test_when_it_is_tried_again_and_what_for(
    fields: dict[str, Any], begun: float, ended: float, retried: float, then: tuple[float, int, float]
) -> None:
    body = task(retry=RETRY, **fields)
    run = running(body, begun, run_at=120 if fields.get("schedule") == MINUTELY else 100)
    settlement = settle(run, "raised", at(ended), "boom")
    assert (settlement.outcome, settlement.run_at, settlement.attempts) == ("retry", at(retried), 1)
    following = again(settlement, body, retried)
    assert (following.at, following.missed, following.delay) == (at(then[0]), then[1], at(then[2]))


def test_runs_are_counted_when_there_is_no_further_attempt() -> None:
    body = task(schedule=TEN, retry=RETRY)
    settlement = settle(running(body, 100, progress=Progress(runs=7)), "raised", at(101), "boom")
    assert progress_of(settlement.progress, settlement.run_at).runs == 7
    last = msgspec.structs.replace(again(settlement, body, 105).record, attempts=3)
    over = settle(running(body, 105, 105, 3, progress_of(last.progress, last.run_at)), "raised", at(106), "boom")
    assert (over.outcome, over.run_at, over.attempts) == ("next", at(110), 0)
    assert progress_of(over.progress, over.run_at).runs == 8


def test_a_jittered_occurrence_is_still_the_same_when_it_is_tried_again() -> None:
    body = task(schedule=TEN, jitter=5, retry=RETRY)
    settlement = settle(running(body, 103, 103, progress=put_off(3, 103)), "raised", at(104), "boom")
    run = again(settlement, body, 108)
    assert (run.at, run.delay) == (at(100), at(8))


DEFAULTS = Defaults(retry=RETRY, timeout=seconds(9))


def test_what_a_task_does_not_say_its_worker_says() -> None:
    own = RetryPolicy(max_attempts=9)
    run = verdict(claimed(task(), 100), at(100), defaults=DEFAULTS)
    assert isinstance(run, Run)
    assert (run.retry, run.timeout) == (RETRY, seconds(9))
    run = verdict(claimed(task(retry=own, timeout=seconds(1)), 100), at(100), defaults=DEFAULTS)
    assert isinstance(run, Run)
    assert (run.retry, run.timeout) == (own, seconds(1))


def crashed(body: Body, attempts: int) -> Record:
    """Claimed once more after so many runs that were never settled."""
    return msgspec.structs.replace(claimed(body, 100), attempts=attempts + 1)


@pytest.mark.parametrize(
    ("body", "outcome", "run_at", "attempts"),
    [(task(), "failed", 100, 3), (task(schedule=TEN), "next", 110, 0), (task(occurrence_of="b"), "done", 100, 3)],
    ids=["once", "recurring", "beside"],
)
def test_a_crash_counts_as_an_attempt(body: Body, outcome: str, run_at: float, attempts: int) -> None:
    assert isinstance(verdict(crashed(body, 2), at(105), defaults=DEFAULTS), Run)
    settlement = verdict(crashed(body, 3), at(105), defaults=DEFAULTS)
    assert isinstance(settlement, Settlement)
    assert (settlement.outcome, settlement.run_at, settlement.attempts) == (outcome, at(run_at), attempts)
    assert settlement.error == "callback 'ring': the worker died in the last of 3 attempts"


def test_without_a_policy_crashes_do_not_end_a_task() -> None:
    assert isinstance(verdict(crashed(task(), 10**6), at(105)), Run)


def test_what_was_cancelled_while_its_worker_died_does_not_run_again() -> None:
    record = msgspec.structs.replace(crashed(task(), 1), cancelled_at=at(101))
    settlement = verdict(record, at(105), defaults=DEFAULTS)
    assert isinstance(settlement, Settlement)
    assert (settlement.outcome, settlement.attempts) == ("failed", 1)
    assert settlement.error == "callback 'ring': cancelled"


def test_what_is_left_for_others_is_the_same_occurrence_later_and_no_attempt() -> None:
    body = task(schedule=TEN, coalesce=False)
    settlement = left(running(body, 101, attempts=2), at(101), at(2))
    assert (settlement.outcome, settlement.run_at, settlement.attempts) == ("released", at(103), 1)
    run = again(settlement, body, 103)
    assert (run.at, run.delay, run.record.attempts) == (at(100), at(3), 2)
