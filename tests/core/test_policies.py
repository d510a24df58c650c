"""A task from run to run, by each of its policies, as a worker would have it that is never late itself."""

from typing import Any

import pytest
from core.claims import TEN, at, claimed, task, verdict

from taskshed._body import Body
from taskshed._planning import Run, Settlement, settle
from taskshed._records import Record, read_record

Runs = list[tuple[float, float]]


def history(body: Body, run_at: float, duration: float, from_: float, until: float) -> tuple[Runs, int]:
    """The occurrences that ran, with when they began, up to a time; and how many were skipped."""
    record: Record | None = claimed(body, run_at)
    free, runs = at(from_), Runs()
    while record is not None and max(free, record.run_at) <= at(until):
        begun = max(free, record.run_at)
        run = verdict(record, begun)
        settlement: Settlement
        if isinstance(run, Run):
            runs.append((run.at / 1_000_000, begun / 1_000_000))
            free = begun + at(duration)
            settlement = settle(run, "succeeded", free)
        else:
            free, settlement = begun, run
            if run.child is not None:
                runs.append((run.child.run_at / 1_000_000, begun / 1_000_000))
        record = standing(record, settlement)
    return runs, 0 if record is None else read_record(record)[1].skipped


def standing(record: Record, settlement: Settlement) -> Record | None:
    if settlement.outcome != "next":
        return None
    return Record(task_id="a", body=record.body, run_at=settlement.run_at, progress=settlement.progress)


HISTORIES: dict[str, tuple[dict[str, Any], float, float, Runs, int]] = {
    # policies, how long a run takes, since when somebody works, what ran for 100 and so on until 160, what was skipped
    "short": ({}, 1, 100, [(n, n) for n in range(100, 161, 10)], 0),
    "skip": ({}, 15, 100, [(100, 100), (120, 120), (140, 140), (160, 160)], 4),
    "queue": (
        {"overlap": "queue"}, 15, 100, [(100, 100), (110, 115), (130, 130), (140, 145), (160, 160)], 0,
    ),
    "queue, a run each": (
        {"overlap": "queue", "coalesce": False}, 15, 100,
        [(100, 100), (110, 115), (120, 130), (130, 145), (140, 160)], 0,
    ),
    "allow": ({"overlap": "allow"}, 15, 100, [(n, n) for n in range(100, 161, 10)], 0),
    "allow, late": ({"overlap": "allow"}, 15, 135, [(130, 135), (140, 140), (150, 150), (160, 160)], 0),
    "allow, a run each, late": (
        {"overlap": "allow", "coalesce": False},
        15, 125, [(100, 125), (110, 125), (120, 125), (130, 130), (140, 140), (150, 150), (160, 160)], 0,
    ),
    "late": ({}, 1, 135, [(130, 135), (140, 140), (150, 150), (160, 160)], 0),
    "a run each, late": (
        {"coalesce": False}, 1, 135,
        [(100, 135), (110, 136), (120, 137), (130, 138), (140, 140), (150, 150), (160, 160)], 0,
    ),
    "late, no grace": ({"misfire_grace": 0}, 1, 135, [(140, 140), (150, 150), (160, 160)], 4),
    "a run each, grace": (
        {"coalesce": False, "misfire_grace": 20}, 1, 135,
        [(120, 135), (130, 136), (140, 140), (150, 150), (160, 160)], 2,
    ),
    "fixed delay": ({"fixed_delay": True}, 15, 100, [(100, 100), (125, 125), (150, 150)], 0),
    "three runs": ({"max_runs": 3}, 1, 100, [(100, 100), (110, 110), (120, 120)], 0),
    "three runs, allow": ({"max_runs": 3, "overlap": "allow"}, 15, 100, [(100, 100), (110, 110), (120, 120)], 0),
    "an end": ({"end_at": 120}, 1, 100, [(100, 100), (110, 110), (120, 120)], 0),
    "an end, missed": ({"end_at": 120}, 1, 135, [(120, 135)], 0),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "duration", "since", "expected", "skipped"), HISTORIES.values(), ids=HISTORIES)
def test_what_runs_is(fields: dict[str, Any], duration: float, since: float, expected: Runs, skipped: int) -> None:
    assert history(task(schedule=TEN, **fields), 100, duration, since, 160) == (expected, skipped)
