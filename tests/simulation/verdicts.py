"""What is a fault of the product, and what could not be helped.

A run that goes on after its lease, while another of the same occurrence has begun, is the fault of its worker, whether
that was in contact with the store or not: it knows when it has heard nothing for so long, and has to cancel the
callback. So is a run that begins when its occurrence was settled. What is excused is what a worker cannot do: while it
is frozen, and after it has crashed, a run does not count as going on. What happens at the very instant at which it goes
on again does not count either.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from simulation.world import START

if TYPE_CHECKING:
    from simulation.history import Run


class Verdicts:
    """Gathers faults, by kind.

    ============== ==========================================================================
    `lost`         an occurrence was not run to its end, or settled as what it was not
    `twice`        one ran in two places at once, or again after it was settled
    `early`        one was claimed or begun before its time
    `settled`      what ran to its end was never settled by a worker that lived
    `acknowledged` what users were told is not what was done
    `asleep`       a worker sleeps for too long
    `claims`       something is claimed, or runs, when all is at rest
    `died`         a part died by itself
    `stuck`        the world did not come to its end
    `broken`       the simulation itself is wrong
    ============== ==========================================================================
    """

    def __init__(self) -> None:
        self.faults: list[tuple[str, str]] = []
        self._again: list[Run] = []
        self._beside: list[tuple[Run, Run]] = []

    def fault(self, kind: str, what: str) -> None:
        """Something that should not have happened."""
        self.faults.append((kind, what))

    def ran_again(self, run: "Run") -> None:
        """A run began although its occurrence was settled: its claim had run out, or was given for no reason."""
        self._again.append(run)

    def ran_beside(self, older: "Run", newer: "Run") -> None:
        """A run began while an older one of the same task had not ended."""
        self._beside.append((older, newer))

    def judge(self) -> None:
        """Now that all is over, decide what is a fault."""
        for run in self._again:
            self.fault("twice", f"{run} by {run.claim.process} began after its occurrence was settled")
        for older, newer in self._beside:
            if _both_went_on(older, newer):
                pair = f"by {older.claim.process} and by {newer.claim.process}"
                self.fault("twice", f"{newer} ran in two places at once, {pair}")


def _both_went_on(one: "Run", other: "Run") -> bool:
    """Whether there was a time in which both went on, their processes alive and not frozen."""
    stretches: list[tuple[float, float]] = [(max(one.begun, other.begun), min(one.end, other.end))]
    for run in (one, other):
        for since, until in run.claim.process.absences:
            stretches = list(_without(stretches, since + START, until + START))
    return bool(stretches)


def _without(stretches: Iterable[tuple[float, float]], since: float, until: float) -> Iterable[tuple[float, float]]:
    for begin, end in stretches:
        for part in ((begin, min(end, since)), (max(begin, until), end)):
            if part[0] < part[1]:
                yield part
