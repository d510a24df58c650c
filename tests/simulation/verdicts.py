"""What is a fault of the product, and what could not be helped.

A process is *out of contact* with the store

* while it is frozen, and after it has crashed;
* from when it makes a call that fails until a second after it knows that (a worker pauses for up to a second);
* from when it makes a call that takes longer than `LONGEST_CALL` until that is answered.

At all other times it is in contact. A worker in contact renews every third of a lease, and the shortest lease is so
long that this is in time even when it has to wait for two other calls to end. So if the lease of a run ran out although
its process was in contact from the last time that the lease was given, by a claim or a renewal, until it ran out, that
is the worker's fault.

With `STRICT`, it is also a fault if a run goes on after its lease when the worker was out of contact, for it knows that
it has heard nothing for so long, and has to cancel the callback. What remains excused is what it cannot do: while it is
frozen, a run does not count as going on. What happens at the very instant at which it goes on does not count either.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from simulation.world import SECOND, START

if TYPE_CHECKING:
    from simulation.history import Claim, Run

# To be turned on when workers cancel what they could not renew by a tenth of a lease before its end.
STRICT = False

LONGEST_CALL = 1 * SECOND
PAUSE_AFTER_FAILURE = 1 * SECOND


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

    Args:
        strict: whether a worker has to cancel what it cannot renew.
    """

    def __init__(self, *, strict: bool = STRICT) -> None:
        self.faults: list[tuple[str, str]] = []
        self.excused: dict[str, int] = {"ran beside": 0, "ran again": 0}
        self._strict = strict
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
        """Now that all troubles are known, decide what is a fault."""
        for run in self._again:
            if self._strict or not lost_contact(run.claim, run.begun):
                self.fault("twice", f"{run} by {run.claim.process} began after its occurrence was settled")
            else:
                self.excused["ran again"] += 1
        for older, newer in self._beside:
            if not _both_went_on(older, newer):
                continue
            # Which of the two has a claim that holds is another question than which began first.
            stale = min(older.claim, newer.claim, key=lambda claim: claim.leases[0][0])
            if self._strict or not lost_contact(stale, max(older.claim.leases[0][0], newer.claim.leases[0][0])):
                pair = f"by {older.claim.process} and by {newer.claim.process}"
                self.fault("twice", f"{newer} ran in two places at once, {pair}")
            else:
                self.excused["ran beside"] += 1


def lost_contact(claim: "Claim", by: int) -> bool:
    """Whether its process was out of contact between the last lease that was given before `by` and its end."""
    given, until = [lease for lease in claim.leases if lease[0] <= by][-1]
    troubles = ((since + START, end + START) for since, end in claim.process.troubles)
    return any(since < until and end > given for since, end in troubles)


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
