"""Time that goes on as soon as nothing is left to do, and only as far as it is told to.

Whatever is under way holds the clock: a message on its way, an exchange with a datastore, a run. When the last of them
lets go, everybody waits for a time, and the earliest of these times is what comes next. So the clock goes there at once
and wakes who waits for it. This is the detection of termination of Dijkstra and Scholten (Information Processing
Letters 11, 1980), with one counter for all, since all is in one process.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from types import TracebackType

import anyio

from taskshed._loops import call_soon
from taskshed.workers._callbacks import Callbacks
from taskshed.workers._current import CurrentRun

_FOREVER = 2**63


class VirtualTime:
    """A `Clock` in microseconds.

    Args:
        start: the first wall instant.
        patience: real seconds that something at its end may take without any progress.
    """

    virtual = True

    def __init__(self, start: int, patience: float) -> None:
        self.patience = patience
        self.target: int | None = None
        self.arrived = anyio.Event()
        self.steps = 0
        self.runs: dict[int, object] = {}
        self.failures: list[tuple[Callbacks, BaseException]] = []  # of runs since time was last turned
        self._lead = start
        self._monotonic = 0
        self._held = 0
        self._passing = 0
        self._serial = count()
        self._waiting: list[tuple[int, int, Waiting]] = []
        self._sleepers: set[Waiting] = set()

    def now(self) -> int:
        return self._lead + self._monotonic

    def monotonic(self) -> int:
        return self._monotonic

    def move_on_at(self, deadline: int | None) -> "Waiting":
        return Waiting(self, deadline)

    def sleep_in(self, run: CurrentRun | None, deadline: int) -> "Waiting":
        """A block like `move_on_at`, in which a run waits for nothing but the time."""
        return Waiting(self, deadline, run)

    def hold(self, number: int = 1, run: object = None) -> None:
        self.steps += 1
        self._held += number
        if run is not None:
            self.runs[id(run)] = run

    def release(self, number: int = 1, run: object = None, until: int | None = None) -> bool:
        self.steps += 1
        self._held -= number
        if run is not None:
            del self.runs[id(run)]
        if until is not None and self._at_rest() and until <= self._limit() and until <= self._next_deadline():
            self._held += 1
            self.jump(until)
            return True
        self.turn()
        return False

    @contextmanager
    def passing(self) -> Iterator[None]:
        self._passing += 1
        try:
            yield
        finally:
            self._passing -= 1

    def heard(self, callbacks: Callbacks, error: BaseException) -> None:
        """A run with one of these callbacks has failed."""
        self.failures.append((callbacks, error))

    @property
    def passes(self) -> bool:
        """Whether somebody waits for time to pass by itself."""
        return self._passing > 0

    def head_for(self, target: int) -> None:
        """Let it become the monotonic instant `target`, and `arrived` be set when all that is due by then is done."""
        self.target = target
        self.arrived = anyio.Event()
        self.turn()

    def turn(self) -> None:
        """If nothing is under way, go on to the next deadline."""
        while self._at_rest():
            deadline = self._next_deadline()
            if deadline <= self._limit():
                self.jump(deadline)
            elif self.target is not None:
                self.jump(self.target)
                self.target = None
                self.arrived.set()
            else:
                return

    def jump(self, instant: float) -> None:
        """Let it be `instant`, and wake who waits for it, in the order in which they began to wait."""
        self._monotonic = max(self._monotonic, int(instant))
        while self._next_deadline() <= self._monotonic:
            self._held += 1
            heappop(self._waiting)[2].fire()

    def enter(self, waiting: "Waiting", deadline: int) -> None:
        """Somebody begins to wait."""
        heappush(self._waiting, (deadline, next(self._serial), waiting))
        if waiting.run is not None:
            self._sleepers.add(waiting)
            self.turn()

    def leave(self, waiting: "Waiting") -> None:
        """Somebody has stopped to wait, and what it does next comes before the time goes on."""
        self.steps += 1
        self._sleepers.discard(waiting)
        if waiting.fired:
            self._held -= 1
            if self._at_rest():
                call_soon(self.turn)

    def _at_rest(self) -> bool:
        if self._held > len(self._sleepers):
            return False
        # A run that sleeps holds the clock like any other, but does not keep it from going on.
        resting = {id(waiting.run) for waiting in self._sleepers if waiting.run is not None and not waiting.run.ending}
        return self._held == len(resting)

    def _limit(self) -> float:
        """How far time may go by itself; -1 if not at all."""
        if self._passing:
            return _FOREVER
        return -1 if self.target is None else self.target

    def _next_deadline(self) -> float:
        while self._waiting and self._waiting[0][2].left:
            heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else math.inf


class Waiting:
    """A block that ends at a deadline; who comes out of it was woken by the time, or by something else."""

    def __init__(self, time: VirtualTime, deadline: int | None, run: CurrentRun | None = None) -> None:
        self.run = run
        self.fired = False
        self.left = False
        self._time = time
        self._deadline = deadline
        self._scope = anyio.CancelScope()

    def fire(self) -> None:
        """The deadline has come."""
        self.fired = self.left = True
        self._time._sleepers.discard(self)
        self._scope.cancel()

    def __enter__(self) -> "Waiting":
        if self._time.passes:
            self._scope.deadline = anyio.current_time() + self._time.patience
        self._scope.__enter__()
        if self._deadline is not None:
            if self._deadline <= self._time.monotonic():
                self._scope.cancel()
            else:
                self._time.enter(self, self._deadline)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.left = True
        swallowed = bool(self._scope.__exit__(kind, error, traceback))
        if self._scope.cancelled_caught and not self.fired and self._deadline is not None:
            self._time.jump(self._deadline)  # nothing has happened for so long that what is under way never ends
        self._time.leave(self)
        return swallowed
