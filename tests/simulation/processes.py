"""A simulated process: it can be frozen and it can crash, at any moment at which it waits for something.

All that a process waits for goes through it: the timers of its clock, its sleeps, its calls to the store and what it is
told. While it is frozen none of that comes; then all of it comes at once. When it has crashed, what is left of it is
ended quickly and heard by nobody: everything it waits for comes at once, its callbacks raise, and its clock runs away.
"""

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

import anyio
from simulation.world import START, Entry, World

from taskshed.errors import DatastoreUnavailableError

if TYPE_CHECKING:
    from simulation.history import Claim

    from taskshed.schedulers import AsyncScheduler
    from taskshed.workers import Worker

_HOUR = 3_600_000_000


class GoneError(DatastoreUnavailableError):
    """The process has crashed; only what is left of it sees this."""


class Process:
    """What one simulated process is.

    Args:
        world: in which it lives.
        name: in the trace.
        skew: how far its wall clock is ahead of the store's, in microseconds.
    """

    def __init__(self, world: World, name: str, skew: int = 0) -> None:
        self.world = world
        self.name = name
        self.frozen = False
        self.dead = False
        self.pending: dict[Entry, None] = {}
        self.deferred: list[Entry] = []
        self.clock = ProcessClock(self, skew)
        self.told_to_end = anyio.Event()
        self.ended = anyio.Event()
        self.scheduler: AsyncScheduler | None = None  # while it takes calls
        self.worker: Worker | None = None
        self.claims: dict[str, Claim] = {}  # the newest that it knows of, by task id
        self.absences: list[tuple[int, int]] = []  # in which it was frozen
        self.died_at: int | None = None
        self.gave_up = False  # at its end, on what it could not settle

    def __str__(self) -> str:
        return self.name

    @property
    def well(self) -> bool:
        """Whether it lives and can act."""
        return not self.dead and not self.frozen

    async def sleep(self, duration: int) -> None:
        """Let time pass for this process.

        Raises:
            GoneError: it has crashed.
        """
        if not self.dead and (duration or self.frozen):
            over = anyio.Event()
            entry = self.world.at(self.world.now + duration, over.set, self)
            try:
                await over.wait()
            finally:
                entry.cancel()
        await self.look_alive()

    async def look_alive(self) -> None:
        """Raise if it has crashed.

        Raises:
            GoneError: it has.
        """
        if self.dead:
            quiet = anyio.Event()  # so that what tries again without end lets the rest come to its end
            self.world.at(self.world.now, quiet.set)
            await quiet.wait()
            raise GoneError("the process has crashed")

    def crash(self) -> None:
        """Be gone."""
        if self.dead:
            return
        self.world.note(self, "crashes")
        self.died_at = self.world.now
        self.dead = True
        self.scheduler = None
        self._thaw_quietly()
        for entry in list(self.pending):
            entry.fire()
        self.told_to_end.set()
        self.ended.set()

    def freeze(self, duration: int) -> None:
        """Do nothing for so long, as a machine that was suspended, and then go on."""
        if self.well:
            self.world.note(self, f"is frozen for {duration / 1e6:g} s")
            self.frozen = True
            self.absences.append((self.world.now, self.world.now + duration))
            self.world.at(self.world.now + duration, self.thaw)

    def thaw(self) -> None:
        """Go on, with all that came meanwhile."""
        if self.frozen and not self.dead:
            self.world.note(self, "goes on")
            since, _ = self.absences.pop()
            self.absences.append((since, self.world.now))
            for entry in self._thaw_quietly():
                if entry.is_open:
                    self.world.at(self.world.now, entry.fire, self)

    def _thaw_quietly(self) -> list[Entry]:
        self.frozen = False
        deferred, self.deferred = self.deferred, []
        return deferred


class ProcessClock:
    """The clock of a process. Its monotonic time has an origin of its own, and its wall time may be wrong."""

    virtual = True

    def __init__(self, process: Process, skew: int) -> None:
        self._process = process
        self._skew = skew
        self._origin = process.world.now - 1000
        self._ahead = 0

    def now(self) -> int:
        return START + self._skew + self.monotonic() + self._origin

    def monotonic(self) -> int:
        if self._process.dead:  # then nothing that is left of it shall wait
            self._ahead += _HOUR
        return self._process.world.now - self._origin + self._ahead

    def move_on_at(self, deadline: int | None) -> "Waiting":
        return Waiting(self._process, None if deadline is None else deadline + self._origin)

    def hold(self, number: int = 1, run: object = None) -> None:
        pass

    def release(self, number: int = 1, run: object = None, until: int | None = None) -> bool:
        return False

    def passing(self) -> AbstractContextManager[None]:
        return nullcontext()


class Waiting:
    """A block that ends at an instant of the world."""

    def __init__(self, process: Process, deadline: int | None) -> None:
        self._process = process
        self._deadline = deadline
        self._scope = anyio.CancelScope()
        self._entry: Entry | None = None

    def __enter__(self) -> "Waiting":
        self._scope.__enter__()
        if self._deadline is not None:
            world = self._process.world
            if self._process.dead or self._deadline <= world.now:
                self._scope.cancel()
            else:
                self._entry = world.at(self._deadline, self._scope.cancel, self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self._entry is not None:
            self._entry.cancel()
        return bool(self._scope.__exit__(kind, error, traceback))
