"""What a run under faults comes to: nothing may be lost, and nothing run twice without an excuse. Pure functions.

**Expected** is every one-off that was acknowledged as added, at the time to which it was acknowledged to be moved, and
every occurrence on the grid of every recurring task that was acknowledged. What was refused may exist or not; it is
not expected, but what else is said here holds for it too. **Lost** is what is expected and never ran to its end.

**Run twice while its worker was alive.** Consider two runs of one occurrence (the same task at the same time) of which
the second began next after the first. (Only the next: whoever came before has lost its claim to it.)

* The first had not ended when the second began: they *overlap*. The lease must have run out, and a worker knows when
  that happens, whatever is the matter with network or server: it has a clock of its own, and has to end the callback
  before. So it has an excuse only if it was not there to do that: it was dead, or within the last lease before the
  second began it was stopped, or its event loop stood still, for more than the tenth of a lease that it may take.
* The first had ended as it should when the second began: that is a *repeat*. The worker wants to settle from the moment
  of the end. It has an excuse only if it may never have come to: from the end to the second's beginning there was no
  time of `ARRIVAL` leases in a row in which it was alive, awake, and in touch with the store. When a trouble is over,
  it has `RECONNECTING` leases to be in touch again, after a pause: those between its attempts get longer while they
  fail, so that none is longer than the trouble was, and none longer than `longest_pause`.
* The first was broken off by a cancellation: it did not run, so the second is its first.

**Early** is a run that began before its time by the store's clock. **Recovery** is the time from the death of a worker
to the next run of an occurrence that it was running, less the time in which no worker was there and in touch with the
store, be it for an outage of the server, or since all were killed or stopped; and less a lease for each claim in
between that ended in nothing, as the number of attempts tells, since who made it was cut off before it heard the
answer. Tasks that were paused or moved are left out, for they may have to wait.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from chaos.excuses import Troubles, Twice, has_excuse, is_settled, overlap, unmanned
from chaos.journal import Journal, Occurrence, Run, Span

PATIENCE = 1.25  # leases, within which a crash has to be recovered
EARLIEST = 1_000  # microseconds, for two readings of the clock are never one


class Recovery(NamedTuple):
    """The time from a death to the next run, and how much of it there is an excuse for."""

    run: Run
    took: int
    excused: int


class Verdict(NamedTuple):
    """What a run came to; `twice` is without an excuse, `excused` with one.

    Attributes:
        strict: how many runs there were of which none of the same occurrence could have followed with an excuse.
    """

    expected: int
    lost: list[Occurrence]
    twice: list[Twice]
    excused: list[Twice]
    early: list[Run]
    recoveries: list[Recovery]
    too_slow: list[Recovery]
    strict: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.early or self.too_slow)


def judge(journal: Journal, troubles: Troubles) -> Verdict:
    expected = expectations(journal)
    runs = [with_death(run, troubles) for run in journal.runs]
    troubles = troubles._replace(stops=[*troubles.stops, *journal.stalls])
    again = list(repeated(runs))
    twice = [pair for pair in again if not has_excuse(pair, troubles)]
    recoveries = [recovery for pair in again if (recovery := recovered(pair, journal, troubles)) is not None]
    return Verdict(
        expected=len(expected),
        lost=lost(expected, runs),
        twice=twice,
        excused=[pair for pair in again if pair not in twice],
        early=[run for run in runs if run.early > EARLIEST],
        recoveries=recoveries,
        too_slow=[each for each in recoveries if each.took - each.excused > PATIENCE * troubles.lease],
        strict=sum(is_settled(run, troubles) for run in runs),
    )


def expectations(journal: Journal) -> list[Occurrence | str]:
    """The occurrences that have to be run; of a task that was moved or not, nobody knows, its id."""
    expected: list[Occurrence | str] = []
    for task_id, run_at in journal.once.items():
        unsure = task_id in journal.moving and task_id not in journal.moved
        expected.append(task_id if unsure else Occurrence(task_id, journal.moved.get(task_id, run_at)))
    for task_id, (start, interval, end_at) in journal.recurring.items():
        expected += [Occurrence(task_id, run_at) for run_at in range(start, end_at + 1, interval)]
    return expected


def lost(expected: Iterable[Occurrence | str], runs: Iterable[Run]) -> list[Occurrence]:
    done = {run.occurrence for run in runs if run.how == "ended"}
    done_at_all = {occurrence.task_id for occurrence in done}
    return [
        Occurrence(each, 0) if isinstance(each, str) else each
        for each in expected
        if each not in (done_at_all if isinstance(each, str) else done)
    ]


def with_death(run: Run, troubles: Troubles) -> Run:
    """A run that its worker's death has ended, ended there."""
    return run._replace(end=troubles.deaths[run.pid]) if run.how == "open" and run.pid in troubles.deaths else run


def repeated(runs: Iterable[Run]) -> Iterator[Twice]:
    """Runs of one occurrence, each with the next."""
    by_occurrence: dict[Occurrence, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.begun):
        by_occurrence[run.occurrence].append(run)
    for several in by_occurrence.values():
        for first, second in pairwise(several):
            yield Twice(first, second)


def recovered(pair: Twice, journal: Journal, troubles: Troubles) -> Recovery | None:
    """How long it took to run again what a dead worker was running; None if that is not what happened."""
    first, second = pair
    death = troubles.deaths.get(first.pid)
    if first.how != "open" or death is None or second.begun < death:
        return None
    if first.occurrence.task_id in journal.paused | journal.moving:
        return None
    meanwhile = Span(None, death, second.begun)
    excused = sum(span.end - span.begun for span in unmanned(journal.ready, troubles, death, second.begun))
    if any(overlap(span, meanwhile) for span in troubles.cuts) or any(
        death <= other <= second.begun for pid, other in troubles.deaths.items() if pid != first.pid
    ):
        excused += round((second.attempt - first.attempt - 1) * PATIENCE * troubles.lease)
    return Recovery(first, second.begun - death, excused)
