"""What goes wrong at a call to the store, and how often."""

from collections import Counter
from random import Random
from typing import Literal

import msgspec
from simulation.world import MILLISECOND

Kind = Literal["none", "refused", "lost", "crash before", "crash after", "freeze"]

_CHANCES: tuple[tuple[Kind, float], ...] = (
    ("refused", 0.02),
    ("lost", 0.02),
    ("crash before", 0.003),
    ("crash after", 0.003),
    ("freeze", 0.003),
)


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a call: how long it takes before and after it takes effect, in microseconds, and what fails."""

    kind: Kind = "none"
    before: int = 0
    after: int = 0


class Faults:
    """Decides about calls and notices by a generator, until told that all is well.

    Args:
        random: the generator.
        lease: how long the longest delays are.
    """

    def __init__(self, random: Random, lease: int) -> None:
        self.random = random
        self.lease = lease
        self.active = True
        self.injected: Counter[str] = Counter()
        # Some worlds are calm, in others much goes wrong.
        self._severity = random.choice((0.0, 0.5, 1.0, 2.0, 4.0))
        self._usual = random.choice((5, 50, 250, 500)) * MILLISECOND

    def of_call(self) -> Fate:
        """The fate of a call that is made now."""
        if not self.active:
            return Fate()
        return Fate(self._kind(), self._delay(), self._delay())

    def of_notice(self) -> tuple[bool, int]:
        """Whether a notice arrives, and how late; one that is lost is so because the connection broke."""
        if not self.active:
            return True, 0
        if self._strikes(0.02):
            self.injected["notice lost"] += 1
            return False, self.random.randrange(3_000_000)
        return True, self._delay()

    def _kind(self) -> Kind:
        for kind, chance in _CHANCES:
            if self._strikes(chance):
                self.injected[kind] += 1
                return kind
        return "none"

    def _delay(self) -> int:
        if self._strikes(0.005):
            self.injected["long delay"] += 1
            return self.random.randrange(self.lease // 2, self.lease * 3 // 2)
        return self.random.randrange(self._usual)

    def _strikes(self, chance: float) -> bool:
        return self.random.random() < chance * self._severity
