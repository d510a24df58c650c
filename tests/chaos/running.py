"""One store under faults, from its server's start to the verdict."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
from anyio import to_thread
from chaos.crew import SLOTS, Settings, a_crew
from chaos.excuses import Troubles
from chaos.faults import Scene, carry_out
from chaos.journal import Journal, read
from chaos.judge import Verdict, judge
from chaos.link import Link
from chaos.plan import Fault, plan
from chaos.sites import SERVERS, a_place

from taskshed._open import open_datastore
from taskshed.datastores.commands import Everything
from taskshed.models import Task

STORES = (*SERVERS, "sqlite")
START_PATIENCE = 60.0  # seconds for all processes to be ready
DRAIN_PATIENCE = 60.0  # seconds for all that is left to be run when all is well again
LONGEST_PAUSE = 1.0  # seconds between two attempts of a worker at a store in trouble
GLANCE = 0.1  # seconds


class Outcome(NamedTuple):
    """What one store came to.

    Attributes:
        lines: what processes wrote.
        left: what is still in the store.
        complaints: what went wrong with processes.
    """

    store: str
    faults: Counter[str]
    lines: list[str]
    journal: Journal
    troubles: Troubles
    verdict: Verdict
    left: list[Task]
    complaints: list[str]

    @property
    def is_clean(self) -> bool:
        return self.verdict.is_clean and not self.left and not self.complaints


async def run(store: str, folder: Path, seed: int, seconds: float, lease: float) -> Outcome:
    """Put a store under faults for some seconds, have it drained, and judge.

    Args:
        folder: for the server, the log and the file.
    """
    faults = plan(seed, store, seconds, lease, len(SLOTS))
    settings = Settings(lease, seconds, lease / 2, f"{seed} {store}", folder / f"{store}.log")
    async with a_scene(store, folder, settings) as (scene, url):
        crew = scene.crew
        await comes_true(
            lambda: crew.said("ready") == len(SLOTS) and crew.said("adding") == 1, START_PATIENCE, "all are ready"
        )
        await inject(scene, faults)
        crew.adder.ask_to_end()
        await comes_true(lambda: crew.said("done") == 1, DRAIN_PATIENCE, "all tasks are resumed")
        left = await drained(url)
        complaints = crew.failures() + await to_thread.run_sync(crew.end)
    journal = read(crew.lines)
    troubles = Troubles(
        lease=round(lease * 1_000_000),
        longest_pause=round(LONGEST_PAUSE * 1_000_000),
        deaths=crew.deaths,
        stops=crew.stops,
        cuts=crew.cuts,
    )
    verdict = judge(journal, troubles)
    return Outcome(
        store, Counter(fault.kind for fault in faults), crew.lines, journal, troubles, verdict, left, complaints
    )


@asynccontextmanager
async def a_scene(store: str, folder: Path, settings: Settings) -> AsyncIterator[tuple[Scene, str]]:
    """Everything that runs, and the URL of the store that leads there straight."""
    async with AsyncExitStack() as stack:
        if store == "sqlite":
            file = folder / "tasks.db"
            url = f"sqlite:///{file}"
            crew = stack.enter_context(a_crew([url] * (len(SLOTS) + 1), settings))
            yield Scene(crew, None, [], str(file)), url
            return
        place = await stack.enter_async_context(a_place(store, folder))
        links = [Link(place.server.port) for _ in range(len(SLOTS) + 1)]
        for link in links:
            await stack.enter_async_context(link.running())
        crew = stack.enter_context(a_crew([place.url(link.port) for link in links], settings))
        yield Scene(crew, place, links, None), place.url(place.server.port)


async def inject(scene: Scene, faults: list[Fault]) -> None:
    begun = anyio.current_time()
    async with anyio.create_task_group() as lanes:
        for lane in ("workers", "server"):
            lanes.start_soon(carry_out, scene, [fault for fault in faults if fault.lane == lane], begun)


async def drained(url: str) -> list[Task]:
    """Wait until nothing is left in the store; returns what is, if that does not come true."""
    async with open_datastore(url) as datastore:
        left = await datastore.fetch(Everything())
        with anyio.move_on_after(DRAIN_PATIENCE):
            while left:
                await anyio.sleep(GLANCE)
                left = await datastore.fetch(Everything())
        return left


async def comes_true(condition: Callable[[], bool], seconds: float, what: str) -> None:
    with anyio.move_on_after(seconds):
        while not condition():  # noqa: ASYNC110 - another thread makes it true
            await anyio.sleep(GLANCE)
        return
    raise RuntimeError(f"after {seconds} s it is not yet so that {what}")
