"""A store under test: datastores on the same tasks, as several processes have them, and the time that they go by."""

import math
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from taskshed._clock import SystemClock, clock_of_context
from taskshed._mailbox import Mailbox
from taskshed._records import Record
from taskshed.datastores import DataStore
from taskshed.datastores.commands import (
    Change,
    Claim,
    Claimed,
    Command,
    Everything,
    Remove,
    ScheduleChanged,
    Selection,
)

T = TypeVar("T")

START = 1_000_000_000_000_000  # every example begins then: a round number, so that what fails is easy to read

_PATIENCE = 10.0  # seconds for a notice to come, on a busy machine
_LITTLE_PATIENCE = 0.5  # once one did not: what made it so is then made smaller, many times


class TurnedClock(SystemClock):
    """A wall clock that stands still until it is turned; waiting goes by the machine's.

    Args:
        write: tells a server the time, if the store goes by that.
    """

    def __init__(self, write: Callable[[int], None] = lambda _: None) -> None:
        self._write = write
        self._now = START

    def now(self) -> int:
        return self._now

    def turn(self, now: int) -> None:
        """Set it, also back."""
        self._now = now
        self._write(now)


class Sight(NamedTuple):
    """What is seen after a step.

    Attributes:
        answers: those to the commands.
        fetched: the records of each selection.
        peeked: the answer to a claim of nothing.
        told: the first due time that each process was told, if it was told any.
    """

    answers: list[Any]
    fetched: list[list[Record]]
    peeked: Claimed
    told: list[float]


class Process:
    """One datastore, and who listens to it."""

    def __init__(self, store: DataStore) -> None:
        self.store = store
        self._mailbox: Mailbox[Change] = Mailbox(1000)
        self._open = AsyncExitStack()

    async def open(self) -> None:
        self._open.enter_context(self.store.subscribed(self._mailbox))
        await self.store.start()

    async def close(self) -> None:
        await self.store.shutdown()
        await self._open.aclose()
        self._mailbox.discard()

    async def told(self, until: float = math.inf) -> float:
        """The earliest due time told since the last call; the first that is not later than `until`, if not infinite."""
        told = _earliest(self._mailbox.receive_nowait())
        while told > until:
            told = min(told, _earliest(await self._mailbox.receive()))
        return told


def _earliest(changes: Sequence[Change]) -> float:
    return min((change.earliest for change in changes if isinstance(change, ScheduleChanged)), default=math.inf)


class Bench:
    """Datastores on the same tasks. Its methods are called from outside of the event loop.

    Args:
        portal: leads to the event loop.
        make: makes a datastore.
        processes: how many are on the same tasks.
        lasting: whether the tasks outlive their datastore.
        claims: how many claims one batch may have.
    """

    def __init__(
        self,
        portal: BlockingPortal,
        clock: TurnedClock,
        make: Callable[[], DataStore],
        *,
        processes: int = 2,
        lasting: bool = True,
        claims: int = 99,
    ) -> None:
        self.clock = clock
        self.claims = claims
        self._patience = _PATIENCE if lasting else 0  # memory tells before it answers
        self._portal = portal
        self._make = make
        self.processes = processes
        self._lasting = lasting
        self._open: list[Process] = []

    def begin(self) -> None:
        """Be empty, at the first instant."""
        self.clock.turn(START)
        if not self._lasting:
            self.close()
        self._call(self._begin)

    def step(self, process: int, commands: tuple[Command[Any], ...], selections: Sequence[Selection]) -> Sight:
        """Have one process carry out commands as one batch, and look at everything."""
        return self._call(self._step, self._open[process % self.processes], commands, selections)

    def hear(self, process: int, until: int) -> float:
        """What a process was told that is due by then; waits for it, since that may come after the answers."""
        return self._call(self._hear, self._open[process % self.processes], until)

    def reopen(self, process: int) -> None:
        """Close a datastore, and open it again; what is in memory stays in its object."""
        self._call(self._reopen, process % self.processes)

    def close(self) -> None:
        """Close all."""
        self._call(self._close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        result: T = self._portal.call(function, *arguments)
        return result

    async def _begin(self) -> None:
        while len(self._open) < self.processes:
            self._open.append(await self._opened(self._make()))
        await self._open[0].store.ask(Remove(Everything()))
        for process in self._open:
            await process.told()

    async def _opened(self, store: DataStore) -> Process:
        process = Process(store)
        with clock_of_context(self.clock):
            await process.open()
        return process

    async def _step(
        self, process: Process, commands: tuple[Command[Any], ...], selections: Sequence[Selection]
    ) -> Sight:
        answers = await process.store.ask_all(commands) if commands else []
        # Of the storage, for a `Task` does not tell the token and the end of the lease.
        fetched = [await process.store._storage.fetch(selection) for selection in selections]
        peeked = await process.store.ask(Claim(limit=0, lease=0))
        return Sight(answers, fetched, peeked, [await each.told() for each in self._open])

    async def _hear(self, process: Process, until: int) -> float:
        with anyio.move_on_after(self._patience):
            return await process.told(until)
        self._patience = min(self._patience, _LITTLE_PATIENCE)
        return math.inf

    async def _reopen(self, index: int) -> None:
        process = self._open[index]
        await process.close()
        self._open[index] = await self._opened(self._make() if self._lasting else process.store)

    async def _close(self) -> None:
        while self._open:
            await self._open.pop().close()
