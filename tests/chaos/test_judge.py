"""The judge of chaos: tables of what happened and what it says of it."""

from typing import Any

import pytest
from chaos.excuses import Troubles
from chaos.journal import Journal, Occurrence, Run, Span, read
from chaos.judge import Verdict, judge

LEASE = 2_000_000
NOTHING = Troubles(lease=LEASE, longest_pause=1_000_000, deaths={}, stops=[], cuts=[])
SECOND = 1_000_000
Happening = tuple[list[str], list[str], dict[str, Any], bool]


def us(seconds: float) -> int:
    return round(seconds * SECOND)


def judged(lines: str, **troubles: Any) -> Verdict:
    return judge(read(lines.splitlines()), NOTHING._replace(**troubles))


def run(pid: int, begun: float, end: float | None, how: str = "ended", attempt: int = 1) -> list[str]:
    """The lines of a run of the task t that is due at 5."""
    lines = [f"begun t 5 {attempt} {pid} {us(begun)} 6"]
    return lines if end is None else [*lines, f"{how} t 5 {attempt} {pid} {us(end)}"]


def two(first: list[str], second: list[str], **troubles: Any) -> Verdict:
    return judged("\n".join([*first, *second]), **troubles)


def cut(pid: int | None, begun: float, end: float) -> Span:
    return Span(pid, us(begun), us(end))


def test_a_journal_is_read() -> None:
    journal = read(
        ["adding", "ready 77 900", "begun t 5 1 77 1000 9", "once t 5", "begun u 9 2 77 1500 9", "ended t 5 1 77 2000"]
    )
    assert journal.runs == [
        Run(Occurrence("t", 5), 1, 77, 1000, 2000, "ended", -4),
        Run(Occurrence("u", 9), 2, 77, 1500, None, "open", 0),
    ]
    assert journal.once == {"t": 5}
    assert journal.said == ["adding"]
    assert journal.ready == {77: 900}


def test_a_line_that_nobody_writes_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody writes"):
        Journal().take_in("begun t")


EXPECTED = {
    "a one-off that ran": ("once t 5\nbegun t 5 1 1 0 6\nended t 5 1 1 1", 1, []),
    "a one-off that nobody ran": ("once t 5", 1, [("t", 5)]),
    "a one-off whose run did not end": ("once t 5\nbegun t 5 1 1 0 6", 1, [("t", 5)]),
    "a one-off whose run was broken off": ("once t 5\nbegun t 5 1 1 0 6\nbroken t 5 1 1 1", 1, [("t", 5)]),
    "one that was not acknowledged": ("begun t 5 1 1 0 6\nended t 5 1 1 1", 0, []),
    "one that was moved, and ran": ("once t 5\nmoving t\nmoved t 8\nbegun t 8 1 1 0 9\nended t 8 1 1 1", 1, []),
    "one that ran only where it was before": (
        "once t 5\nmoving t\nmoved t 8\nbegun t 5 1 1 0 9\nended t 5 1 1 1",
        1,
        [("t", 8)],
    ),
    "one that was perhaps moved, and ran": ("once t 5\nmoving t\nbegun t 8 1 1 0 9\nended t 8 1 1 1", 1, []),
    "one that was perhaps moved, and did not run": ("once t 5\nmoving t", 1, [("t", 0)]),
    "a recurring one with a hole": (
        "recurring t 10 5 20\nbegun t 10 1 1 0 20\nended t 10 1 1 1\nbegun t 20 1 1 2 20\nended t 20 1 1 3",
        3,
        [("t", 15)],
    ),
    "a recurring one that ends between two": ("recurring t 10 5 19", 2, [("t", 10), ("t", 15)]),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_expected_and_did_not_run_is_lost(name: str) -> None:
    lines, expected, lost = EXPECTED[name]
    verdict = judged(lines)
    assert (verdict.expected, verdict.lost) == (expected, lost)
    assert verdict.is_clean == (not lost)


# What happened: (the first run, the second run, the troubles, whether that is twice without an excuse)
OVERLAPS: dict[str, Happening] = {
    "nothing was the matter": (run(1, 0, 3), run(2, 2.1, 2.2), {}, True),
    "its run never ended": (run(1, 0, None), run(2, 2.1, 2.2), {}, True),
    "in the same worker": (run(1, 0, 3), run(1, 2.1, 2.2, attempt=2), {}, True),
    "its worker was killed": (run(1, 0, None), run(2, 2.1, 2.2), {"deaths": {1: us(0.5)}}, False),
    "its worker was killed only later": (run(1, 0, None), run(2, 2.1, 2.2), {"deaths": {1: us(2.5)}}, True),
    "another was killed": (run(1, 0, 3), run(2, 2.1, 2.2), {"deaths": {3: us(0.5)}}, True),
    "its worker was stopped": (run(1, 0, 9), run(2, 2.1, 2.2), {"stops": [cut(1, 0.1, 6)]}, False),
    "another was stopped": (run(1, 0, 9), run(2, 2.1, 2.2), {"stops": [cut(3, 0.1, 6)]}, True),
    "it was stopped long before": (run(1, 0, 20), run(2, 15, 16), {"stops": [cut(1, 0.1, 6)]}, True),
    "it was stopped for a moment": (run(1, 0, 9), run(2, 2.1, 2.2), {"stops": [cut(1, 0.5, 0.6)]}, True),
    "its worker was cut off": (run(1, 0, 9), run(2, 2.1, 2.2), {"cuts": [cut(1, 0, 6)]}, True),
    "the server was down": (run(1, 0, 9), run(2, 4.1, 4.2), {"cuts": [cut(None, 0, 4)]}, True),
}
REPEATS: dict[str, Happening] = {
    "nothing was the matter": (run(1, 0, 1), run(2, 2.1, 2.2), {}, True),
    "at once": (run(1, 0, 1), run(2, 1, 1.1), {}, True),
    "at once, long after a trouble": (run(1, 0, 7), run(2, 7, 7.1), {"cuts": [cut(1, 1, 5)]}, True),
    "at once, just after a trouble": (run(1, 0, 7), run(2, 7, 7.1), {"cuts": [cut(1, 1, 6.5)]}, False),
    "its worker was killed just then": (run(1, 0, 1), run(2, 3, 4), {"deaths": {1: us(1.2)}}, False),
    "its worker was killed too late": (run(1, 0, 1), run(2, 3, 4), {"deaths": {1: us(2)}}, True),
    "its worker was stopped just then": (run(1, 0, 1), run(2, 3, 4), {"stops": [cut(1, 1.1, 7)]}, False),
    "its worker was cut off": (run(1, 0, 1), run(2, 3, 4), {"cuts": [cut(1, 0.5, 3)]}, False),
    "another was cut off": (run(1, 0, 1), run(2, 3, 4), {"cuts": [cut(3, 0.5, 3)]}, True),
    "the server was down": (run(1, 0, 1), run(2, 3, 4), {"cuts": [cut(None, 0.9, 2.5)]}, False),
    "the server was down, too late": (run(1, 0, 1), run(2, 3, 4), {"cuts": [cut(None, 2, 2.5)]}, True),
    "its connection was lost for a moment": (run(1, 0, 1), run(2, 3, 4), {"cuts": [cut(None, 0.9, 1)]}, True),
    "its connection was lost in the end of a long trouble": (
        run(1, 0, 6.2),
        run(2, 7.4, 8),
        {"cuts": [cut(1, 1, 6), cut(None, 6.1, 6.2)]},
        False,
    ),
    "it had time between two troubles": (
        run(1, 0, 1),
        run(2, 5, 6),
        {"cuts": [cut(None, 0.9, 1.5), cut(None, 3.5, 5)]},
        True,
    ),
    "it had no time between two troubles": (
        run(1, 0, 1),
        run(2, 5, 6),
        {"cuts": [cut(None, 0.9, 2), cut(1, 3.2, 5)]},
        False,
    ),
    "it was broken off": (run(1, 0, 1.8, "broken"), run(2, 2.1, 2.2), {}, False),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_a_run_that_overlaps_the_next_one_was_alive_or_has_an_excuse(name: str) -> None:
    first, second, troubles, guilty = OVERLAPS[name]
    verdict = two(first, second, **troubles)
    assert (len(verdict.twice), len(verdict.excused)) == ((1, 0) if guilty else (0, 1))
    assert all(pair.overlaps for pair in verdict.twice)
    assert verdict.is_clean != guilty


@pytest.mark.parametrize("name", REPEATS)
def test_a_run_that_is_repeated_was_settled_or_has_an_excuse(name: str) -> None:
    first, second, troubles, guilty = REPEATS[name]
    verdict = two(first, second, **troubles)
    assert (len(verdict.twice), len(verdict.excused)) == ((1, 0) if guilty else (0, 1))
    assert not any(pair.overlaps for pair in (*verdict.twice, *verdict.excused))


def test_an_event_loop_that_stood_still_is_an_excuse_as_if_it_was_stopped() -> None:
    stalled = f"stalled 1 {us(0.5)} {us(2)}"
    assert two([*run(1, 0, 9), stalled], run(2, 2.1, 2.2)).excused


def test_other_occurrences_of_the_same_task_are_others() -> None:
    verdict = judged("begun t 5 1 1 0 6\nended t 5 1 1 1\nbegun t 6 1 1 2 6\nended t 6 1 1 3")
    assert not verdict.twice
    assert not verdict.excused


def test_each_run_answers_for_the_next_only() -> None:
    # The first was stopped, and goes on beside the third; but it had lost its claim to the second.
    lines = [*run(1, 0, 9), *run(2, 3, None), *run(3, 6, 7)]
    verdict = judged("\n".join(lines), stops=[cut(1, 0.5, 3.5)], deaths={2: us(4)})
    assert not verdict.twice
    assert len(verdict.excused) == 2


def test_a_run_before_its_time_is_early() -> None:
    verdict = judged("begun t 5000000 1 1 0 4900000\nended t 5000000 1 1 1")
    assert len(verdict.early) == 1
    assert not verdict.is_clean


# What happened: (when the next run began, its attempt, the troubles, whether that is too slow)
RECOVERIES: dict[str, tuple[float, int, dict[str, Any], bool]] = {
    "within a lease": (2.4, 2, {}, False),
    "too late": (4, 2, {}, True),
    "after an outage of the server": (4, 2, {"cuts": [cut(None, 1, 3)]}, False),
    "long after an outage": (6, 2, {"cuts": [cut(None, 1, 3)]}, True),
    "after all others were stopped": (4, 2, {"stops": [cut(2, 0, 3), cut(3, 1, 3)]}, False),
    "although one of the others was not stopped": (4, 2, {"stops": [cut(2, 0, 3)]}, True),
    "after all others were stopped or cut off": (4, 2, {"stops": [cut(2, 1, 3)], "cuts": [cut(3, 0, 3)]}, False),
    "outages count once": (7, 2, {"cuts": [cut(None, 1, 3), cut(None, 1, 3)]}, True),
    "after another had claimed it and heard nothing": (4.4, 3, {"cuts": [cut(2, 1.5, 3)]}, False),
    "after another had claimed it and was killed": (4.4, 3, {"deaths": {1: us(0.5), 2: us(3)}}, False),
    "after another had claimed it and did nothing": (4.4, 3, {}, True),
}


@pytest.mark.parametrize("name", RECOVERIES)
def test_a_crash_has_to_be_recovered_soon(name: str) -> None:
    begun, attempt, troubles, too_slow = RECOVERIES[name]
    first, second = run(1, 0, None), run(3, begun, begun + 1, attempt=attempt)
    ready = [f"ready {pid} 0" for pid in (1, 2, 3)]
    verdict = two([*ready, *first], second, **({"deaths": {1: us(0.5)}} | troubles))
    (recovery,) = verdict.recoveries
    assert recovery.took == us(begun) - us(0.5)
    assert bool(verdict.too_slow) == too_slow
    assert verdict.is_clean != too_slow


@pytest.mark.parametrize("word", ["moving", "pausing"])
def test_what_had_to_wait_for_somebody_is_no_recovery(word: str) -> None:
    assert judged("\n".join([f"{word} t", *run(1, 0, None), *run(2, 9, 10)]), deaths={1: 1}).recoveries == []


def test_a_crash_need_not_be_recovered_before_there_is_a_worker_again() -> None:
    lines = [*run(1, 0, None), f"ready 2 {us(3)}", *run(2, 4, 5, attempt=2)]
    (recovery,) = judged("\n".join(lines), deaths={1: us(0.5)}).recoveries
    assert recovery.excused == us(2.5)
