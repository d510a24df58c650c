"""Which faults happen when: a function of the seed alone, so that a run can be repeated.

Faults come in two lanes that go on side by side, each of one fault after another: those of single workers, and those
that trouble all. In each lane all kinds are shuffled and dealt like cards, so that none is forgotten for long.
"""

import random
from typing import Literal, NamedTuple

Lane = Literal["workers", "server"]

FIRST = 0.5  # leases until the first fault
# Leases from the end of one fault to the next in its lane. After a trouble for all, there has to be a time of calm, for
# as long as there was none, whatever goes wrong has an excuse.
GAPS: dict[Lane, tuple[float, float]] = {"workers": (0.3, 0.8), "server": (1.25, 2)}


class Kind(NamedTuple):
    """A kind of fault.

    Attributes:
        least, most: how long it lasts, in leases; 0 is a moment.
        copies: how many there are in a pack.
    """

    name: str
    lane: Lane
    least: float
    most: float
    copies: int = 1


class Fault(NamedTuple):
    """One fault.

    Attributes:
        at: seconds from the beginning.
        seconds: how long it lasts.
        victim: the number of the worker that it is for, if it is for one.
        chance: from 0 to 1; which of its variants it is.
    """

    at: float
    kind: str
    lane: Lane
    seconds: float
    victim: int
    chance: float


KILL = Kind("kill", "workers", 0, 0, copies=3)
STOP = Kind("stop", "workers", 3, 3)
SERVER_KINDS = (
    KILL,
    STOP,
    Kind("partition", "workers", 0.4, 2),
    Kind("half-open", "workers", 0.4, 2),
    Kind("clock", "workers", 0.5, 1, copies=2),
    Kind("restart", "server", 0.1, 0.8),
    Kind("crash", "server", 0.1, 1.5),
    Kind("hang-up", "server", 0, 0),
    Kind("exhaust", "server", 0.5, 1),
    Kind("slow", "server", 0.5, 1.5),
)
# There is no server and no network; and its time is the machine's, so that a step of the clock is no fault to survive.
SQLITE_KINDS = (KILL, STOP, Kind("disk-full", "server", 0.3, 1.5))


def plan(seed: int, store: str, seconds: float, lease: float, workers: int) -> list[Fault]:
    """The faults of one run, by when they begin; all have ended when `seconds` have passed."""
    kinds = SQLITE_KINDS if store == "sqlite" else SERVER_KINDS
    faults: list[Fault] = []
    for lane, gap in GAPS.items():
        chance = random.Random(f"{seed} {store} {lane}")
        pack: list[Kind] = []
        at = FIRST * lease
        while True:
            if not pack:
                pack = [kind for kind in kinds if kind.lane == lane for _ in range(kind.copies)]
                chance.shuffle(pack)
            kind = pack.pop()
            lasts = chance.uniform(kind.least, kind.most) * lease
            if at + lasts > seconds:
                break
            faults.append(Fault(at, kind.name, kind.lane, lasts, chance.randrange(workers), chance.random()))
            at += lasts + chance.uniform(*gap) * lease
    return sorted(faults)
