"""What becomes of an occurrence when its run has ended."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from taskshed._clock import to_micros
from taskshed._planning import OUTCOMES, Ending, Outcome, Settlement, settle
from taskshed._records import Body, Record
from taskshed.models import RunType

SECOND = 1_000_000
RUN_AT, NOW = 1000 * SECOND, 1003 * SECOND + 5
ONCE = Body("ring")
RECURRING = Body("ring", run_type="recurring", interval=timedelta(seconds=1))
EACH = Body("ring", run_type="recurring", interval=timedelta(seconds=1), coalesce=False)
LAST = to_micros(datetime.max.replace(tzinfo=UTC))


def claimed(run_at: int = RUN_AT, attempts: int = 3) -> Record:
    return Record(task_id="a", group_id="g", body="", run_at=run_at, leased_until=NOW, token=7, attempts=attempts)


TABLE: dict[str, tuple[Body | None, Ending, Outcome, int, int]] = {
    # body, how it ended, outcome, where it stands, attempts
    "once, succeeded": (ONCE, "succeeded", "done", RUN_AT, 3),
    "once, raised": (ONCE, "raised", "failed", RUN_AT, 3),
    "once, interrupted": (ONCE, "interrupted", "released", RUN_AT, 2),
    "recurring, succeeded": (RECURRING, "succeeded", "next", 1004 * SECOND, 0),
    "recurring, raised": (RECURRING, "raised", "next", 1004 * SECOND, 0),
    "recurring, interrupted": (RECURRING, "interrupted", "released", RUN_AT, 2),
    "a run each, succeeded": (EACH, "succeeded", "next", 1001 * SECOND, 0),
    "a run each, raised": (EACH, "raised", "next", 1001 * SECOND, 0),
    "a run each, interrupted": (EACH, "interrupted", "released", RUN_AT, 2),
    "unreadable, raised": (None, "raised", "failed", RUN_AT, 3),
    "unreadable, interrupted": (None, "interrupted", "released", RUN_AT, 2),
}


@pytest.mark.parametrize("error", [None, "boom"], ids=["no error", "error"])
@pytest.mark.parametrize(("body", "ending", "outcome", "run_at", "attempts"), TABLE.values(), ids=TABLE)
def test_an_occurrence_becomes(
    body: Body | None, ending: Ending, outcome: Outcome, run_at: int, attempts: int, error: str | None
) -> None:
    assert settle(claimed(), body, ending, NOW, error) == Settlement(
        task_id="a", token=7, outcome=outcome, run_at=run_at, attempts=attempts, error=error
    )


def test_every_ending_of_every_kind_of_task_has_an_outcome() -> None:
    assert set(OUTCOMES) == {(run_type, ending) for run_type in get_args(RunType) for ending in get_args(Ending)}
    assert set(OUTCOMES.values()) == set(get_args(Outcome))


def test_a_first_run_given_back_has_never_been() -> None:
    assert settle(claimed(attempts=1), ONCE, "interrupted", NOW).attempts == 0


def test_what_is_decided_leaves_the_record_as_it_was() -> None:
    record = claimed()
    settle(record, RECURRING, "succeeded", NOW)
    assert record == claimed()


ENDS: dict[str, tuple[int, timedelta, int, Outcome]] = {
    "the last microsecond of 9999 is reached": (LAST - 1, timedelta.resolution, LAST - 1, "next"),
    "it is passed": (LAST, timedelta.resolution, LAST, "done"),
    "it is passed by the longest interval": (RUN_AT, timedelta.max, NOW, "done"),
    "it is passed since much was missed": (RUN_AT, timedelta(days=365), LAST, "done"),
}


@pytest.mark.parametrize("ending", ["succeeded", "raised"])
@pytest.mark.parametrize(("run_at", "interval", "now", "outcome"), ENDS.values(), ids=ENDS)
def test_a_recurring_task_ends_with_the_year_9999(
    run_at: int, interval: timedelta, now: int, outcome: Outcome, ending: Ending
) -> None:
    body = Body("ring", run_type="recurring", interval=interval)
    settlement = settle(claimed(run_at), body, ending, now)
    assert settlement.outcome == outcome
    assert settlement.run_at == (LAST if outcome == "next" else run_at)
