"""The time of a simulated world, and what is to happen in it.

Everything that a process waits for is an entry in one queue. When nobody can do anything any more, the earliest entry
is fired and it is its time. So a world has no clock that runs, and the seed alone decides what happens in it.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Protocol

from taskshed._clock import SystemClock

START = 1_893_456_000_000_000  # 2030-01-01 in UTC
MILLISECOND = 1_000
SECOND = 1_000_000
_MOST_ENTRIES = 5_000  # in a world; ten times as many as in most


class StuckError(AssertionError):
    """Somebody waits for something that is never going to happen."""


class Owner(Protocol):
    """Whom an entry happens to: while it is frozen, nothing does."""

    frozen: bool
    dead: bool
    deferred: "list[Entry]"
    pending: "dict[Entry, None]"


class Entry:
    """Something that happens at an instant, unless it is cancelled or has happened before."""

    __slots__ = ("_action", "owner")

    def __init__(self, owner: Owner | None, action: Callable[[], object]) -> None:
        self.owner = owner
        self._action: Callable[[], object] | None = action
        if owner is not None:
            owner.pending[self] = None

    @property
    def is_open(self) -> bool:
        """Whether it has yet to happen."""
        return self._action is not None

    def cancel(self) -> None:
        """Let it not happen."""
        self._action = None
        if self.owner is not None:
            self.owner.pending.pop(self, None)

    def fire(self) -> None:
        """Let it happen, now."""
        action = self._action
        self.cancel()
        if action is not None:
            action()


class World:
    """Virtual time, the generator that decides everything, and the trace of what happened.

    Args:
        seed: of the generator.
        traced: whether the trace is kept.
    """

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.random = Random(seed)
        self.now = 0
        self.lines: list[str] | None = [] if traced else None
        self.stuck: str | None = None
        self.end_it: Callable[[], object] = _nothing  # does all it can to have everybody end
        self._entries_left = _MOST_ENTRIES
        self._queue: list[tuple[int, int, Entry]] = []
        self._serial = 0

    @property
    def wall(self) -> int:
        """The wall instant, as the store has it."""
        return START + self.now

    def at(self, instant: int, action: Callable[[], object], owner: Owner | None = None) -> Entry:
        """Have something happen at an instant."""
        entry = Entry(owner, action)
        if owner is not None and owner.dead:
            entry.fire()
            return entry
        self._serial += 1
        heappush(self._queue, (instant, self._serial, entry))
        return entry

    def give_up(self, why: str) -> Callable[[], object]:
        """What to do since this world goes on for ever, or no further.

        Raises:
            StuckError: even that does not end it.
        """
        if self.stuck is not None:
            raise StuckError(f"{self.stuck}, and it does not end even if all processes crash")
        self.stuck = why
        self._entries_left = _MOST_ENTRIES
        return self.end_it

    def next(self) -> int | None:
        """When the next entry is to happen."""
        while self._queue and not self._queue[0][2].is_open:
            heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def take(self) -> Callable[[], object]:
        """Go to the next entry, if there is one, and return what happens then."""
        if self.next() is None:
            return self.give_up("somebody waits, and nothing is ever going to happen")
        self._entries_left -= 1
        if self._entries_left < 0:
            return self.give_up("it goes on and on")
        instant, _, entry = heappop(self._queue)
        self.now = max(self.now, instant)
        if entry.owner is not None and entry.owner.frozen:
            entry.owner.deferred.append(entry)
            return _nothing
        return entry.fire

    def note(self, who: object, what: str) -> None:
        """Write a line of the trace."""
        if self.lines is not None:
            self.lines.append(f"{self.now / SECOND:11.6f}  {who!s:6} {what}")


class StoreClock(SystemClock):
    """The clock of the server that all processes share."""

    virtual = True

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> int:
        return self._world.wall

    def monotonic(self) -> int:
        return self._world.now


def _nothing() -> None:
    pass
