"""One seed: some processes that share a server, what users do, what goes wrong, and what has to be true in the end."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import msgspec
from simulation.aftermath import check_acknowledged, check_at_rest, check_awake, check_settled, unfinished
from simulation.crew import Crew
from simulation.faults import Faults
from simulation.history import History
from simulation.load import Load
from simulation.processes import GoneError, Process
from simulation.running import run_in
from simulation.stores import Server
from simulation.verdicts import Verdicts
from simulation.world import SECOND, World

from taskshed.datastores.commands import Everything, Pause, Resume

_MOST_SHOWN = 5
_LONGEST_DRAIN = 600 * SECOND


class Outcome(msgspec.Struct):
    """What came of a seed.

    Attributes:
        faults: what should not have happened: its kind, and what it was.
        counts: of runs, claims and settlements.
        injected: what went wrong on purpose.
        trace: what happened, if that was asked for.
    """

    seed: int
    backend: str
    faults: list[tuple[str, str]]
    counts: Counter[str]
    injected: Counter[str]
    seconds: float
    trace: list[str] | None = None


def simulate(seed: int, backend: str = "asyncio", *, traced: bool = False) -> Outcome:
    """Run a seed's world to its end."""
    simulation = Simulation(World(seed, traced=traced))
    with simulation.listening():
        run_in(simulation.world, seed, backend, simulation.run)
    simulation.verdicts.judge()
    return Outcome(
        seed=seed,
        backend=backend,
        faults=simulation.verdicts.faults,
        counts=simulation.history.counts,
        injected=simulation.faults.injected,
        seconds=simulation.world.now / SECOND,
        trace=simulation.world.lines,
    )


def complaint(outcome: Outcome) -> str:
    """What is wrong with a seed, and how to see it again; empty if nothing is."""
    if not outcome.faults:
        return ""
    options = f"--seed {outcome.seed} --backend {outcome.backend} --trace"
    shown = [f"  {kind}: {what}" for kind, what in outcome.faults[:_MOST_SHOWN]]
    more = len(outcome.faults) - len(shown)
    if more:
        shown.append(f"  and {more} more")
    return "\n".join([f"seed {outcome.seed}; again: PYTHONPATH=tests python -m simulation {options}", *shown])


class Simulation:
    """The world of one seed."""

    def __init__(self, world: World) -> None:
        chance = world.random
        self.world = world
        self.verdicts = Verdicts()
        self.history = History(world, self.verdicts)
        self.lease = chance.randrange(8, 11) * SECOND
        self.faults = Faults(chance, self.lease)
        self.server = Server(world, self.history)
        self.crew = Crew(world, self.server, self.history, self.faults, self.lease)
        self.load = Load(world, self.lease, lambda: self.crew.ready)
        self._user = Process(world, "user")
        world.end_it = self._end_it

    async def run(self) -> None:
        """From the start to the checks at the end."""
        try:
            await self._live()
        except* GoneError:
            self.verdicts.fault("stuck", self.world.stuck or "the user is gone")
        check_settled(self.history, self.verdicts)
        check_acknowledged(self.load.operations, self.history, self.verdicts)

    async def _live(self) -> None:
        until = self.world.random.randrange(30, 70) * SECOND
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.crew.run)
            async with anyio.create_task_group() as disturbances:
                disturbances.start_soon(self.crew.disturb, self._user, until)
                await self.load.run(self._user, until)
            self.faults.active = False
            for process in self.crew.processes:
                process.thaw()
            await self._calm_down()
            self.crew.close()

    def _end_it(self) -> None:
        self._user.crash()
        self.faults.active = False
        self.crew.close()
        for process in tuple(self.crew.processes):
            self.crew.crash(process)

    async def _calm_down(self) -> None:
        """Let everything be made up for, see that nobody has overslept, and bring the world to rest."""
        self.world.note("world", "from now on, all is well")
        await self.server.carry_out(self._user, [Resume(Everything())])
        end = self.world.now + _LONGEST_DRAIN
        await self._user.sleep(2 * self.lease)  # so that what is still on its way comes, and what was claimed is due
        while (left := unfinished(self.server, self.history)) and self.world.now < end:
            await self._user.sleep(5 * SECOND)
        for what in left:
            self.verdicts.fault("lost", f"{what} was not run")
        check_awake(self.crew.processes, self.server, self.verdicts)
        self.world.note("world", "no recurring task comes any more")
        await self.server.carry_out(self._user, [Pause(Everything())])
        await self._user.sleep(2 * self.lease)
        while any(epoch.active for epoch in self.history.epochs.values()) and self.world.now < end:
            await self._user.sleep(5 * SECOND)
        check_at_rest(self.crew.processes, self.server, self.verdicts)
        check_awake(self.crew.processes, self.server, self.verdicts)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take a part that died for a fault; what else is logged is what goes wrong on purpose."""
        logger = logging.getLogger("taskshed")
        handler = _Critical(self.verdicts)
        level, propagate = logger.level, logger.propagate
        logger.setLevel(logging.CRITICAL)
        logger.propagate = False
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


class _Critical(logging.Handler):
    def __init__(self, verdicts: Verdicts) -> None:
        super().__init__(logging.CRITICAL)
        self._verdicts = verdicts

    def emit(self, record: logging.LogRecord) -> None:
        self._verdicts.fault("died", record.getMessage())
