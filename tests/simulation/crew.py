"""The processes of a world: how they start, work, end, crash and come again."""

from datetime import timedelta
from typing import Any

import anyio
import msgspec
from simulation.faults import Faults
from simulation.history import History
from simulation.processes import GoneError, Process
from simulation.stores import Connection, Server
from simulation.world import SECOND, World

from taskshed._clock import clock_of_context, duration_micros
from taskshed.datastores import DataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker, PollingWorker, Worker, current_occurrence


class Kind(msgspec.Struct, frozen=True):
    """What kind of process there is in a place; `polls_every` in microseconds, None for an event-driven worker."""

    works: bool
    polls_every: int | None
    max_concurrency: int


class Crew:
    """Some places, in each of which one process follows another.

    Args:
        lease: of the workers, in microseconds.
    """

    def __init__(self, world: World, server: Server, history: History, faults: Faults, lease: int) -> None:
        self.processes: list[Process] = []  # those that live
        self._world = world
        self._server = server
        self._history = history
        self._faults = faults
        self._lease = lease
        self._closing = False
        chance = world.random
        kinds = [Kind(works=chance.random() < 0.3, polls_every=None, max_concurrency=2)]
        for place in range(chance.randrange(2, 4)):
            polls_every = chance.choice((None, None, chance.randrange(SECOND, 6 * SECOND)))
            kinds.append(
                Kind(works=True, polls_every=polls_every, max_concurrency=chance.choice((1, 3, 10)) if place else 100)
            )
        self._kinds = kinds

    @property
    def ready(self) -> list[Process]:
        """The processes that take calls of users."""
        return [process for process in self.processes if process.scheduler is not None]

    async def run(self) -> None:
        """Let processes live in all places until closed."""
        async with anyio.create_task_group() as places:
            for number, kind in enumerate(self._kinds):
                places.start_soon(self._place, number, kind)

    async def disturb(self, user: Process, until: int) -> None:
        """Crash, freeze and end processes now and then."""
        chance = self._world.random
        pause = chance.choice((10, 20, 40, 1000)) * SECOND
        while self._world.now < until:
            await user.sleep(min(round(chance.expovariate(1 / pause)), until))
            if self._world.now < until and self.processes:
                process = chance.choice(self.processes)
                what = chance.choice(("crash", "freeze", "end", "end"))
                self._faults.injected[what] += 1
                match what:
                    case "crash":
                        self.crash(process)
                    case "freeze":
                        process.freeze(3 * self._lease)
                    case _:
                        self._world.note(process, "is told to end")
                        process.told_to_end.set()

    def crash(self, process: Process) -> None:
        """Let a process be gone."""
        process.crash()
        self._history.crashed(process)

    def close(self) -> None:
        """Tell all to end."""
        self._closing = True
        for process in self.processes:
            process.told_to_end.set()

    async def _place(self, number: int, kind: Kind) -> None:
        incarnation = 0
        while not self._closing:
            skew = self._world.random.randrange(-2 * SECOND, 2 * SECOND)
            process = Process(self._world, f"p{number}.{incarnation}", skew)
            self.processes.append(process)
            async with anyio.create_task_group() as lives:
                lives.start_soon(self._outlive, process, kind)
                await process.ended.wait()  # or crashed; what is left of it goes its way
                self.processes.remove(process)
                if not self._closing and self._faults.active:
                    await Process(self._world, "nobody").sleep(self._world.random.randrange(10 * SECOND))
            incarnation += 1

    async def _outlive(self, process: Process, kind: Kind) -> None:
        try:
            await self._live(process, kind)
        except Exception as error:
            if not process.dead:
                self._history.verdicts.fault("died", f"{process} died of {error!r}")
        finally:
            process.scheduler = process.worker = None
            process.ended.set()

    async def _live(self, process: Process, kind: Kind) -> None:
        with clock_of_context(process.clock):
            datastore = DataStore(Connection(process, self._server, self._faults))
            worker = self._worker(process, kind, datastore) if kind.works else None
            scheduler = AsyncScheduler(datastore, worker)
            again = True
            while again:
                self._world.note(process, f"starts with {worker}")
                async with scheduler:
                    process.scheduler, process.worker = None if process.dead else scheduler, worker
                    await process.told_to_end.wait()
                    process.scheduler = None
                    told_at = self._world.now
                patience = None if worker is None else duration_micros(worker._settings.shutdown_timeout)
                if patience is not None and self._world.now - told_at >= patience:
                    process.gave_up = True
                self._world.note(process, "has ended")
                again = not process.dead and not self._closing and self._world.random.random() < 0.5
                process.told_to_end = anyio.Event() if again else process.told_to_end

    def _worker(self, process: Process, kind: Kind, datastore: DataStore) -> Worker:
        history = self._history

        async def work(generation: int, takes: int, fails: bool) -> None:
            run = history.begins(process, generation, current_occurrence())
            how = "cancelled"
            try:
                if takes:
                    await process.sleep(takes)
                how = "raised" if fails else "ended"
            except GoneError:
                how = "gone"
                raise
            finally:
                history.ends(run, how)
            if fails:
                raise ValueError("this one fails")

        settings: dict[str, Any] = {
            "max_concurrency": kind.max_concurrency,
            "lease": timedelta(microseconds=self._lease),
            "shutdown_timeout": timedelta(microseconds=self._world.random.randrange(10 * SECOND)),
        }
        if kind.polls_every is None:
            return EventDrivenWorker({"work": work}, datastore, **settings)
        return PollingWorker({"work": work}, datastore, timedelta(microseconds=kind.polls_every), **settings)
