"""The faults: each is a context manager that injects it, and heals it in the end."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import anyio
from anyio import to_thread
from chaos.crew import Crew
from chaos.link import Link
from chaos.plan import Fault
from chaos.sites import Place
from outage.proxies import Way

HOUR = 3_600_000_000
FULL = 4096  # bytes: a page, which is less than any file of SQLite's
SLOWEST = 0.06  # seconds that each piece of what is said takes longer
THROTTLED = 100_000  # bytes a second


class Scene(NamedTuple):
    """What faults act upon.

    Attributes:
        place: the server; None for SQLite.
        links: the network of each worker, and then of the scheduler.
        file: SQLite's.
    """

    crew: Crew
    place: Place | None
    links: list[Link]
    file: str | None


Inject = Callable[[Scene, Fault], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def kill(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """A worker is killed, and a new one started in its place, on a machine whose clock may be an hour off."""
    ahead = 0 if scene.place is None else round(fault.chance * 2 - 1) * HOUR
    await to_thread.run_sync(scene.crew.kill, fault.victim, ahead)
    yield


@asynccontextmanager
async def stop(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """A worker is stopped, and goes on later as if nothing had happened."""
    with scene.crew.stopped(fault.victim):
        locked = scene.file is not None and await to_thread.run_sync(is_locked, scene.file)
        yield
    if locked:  # all others had to wait for it, too
        scene.crew.cuts.append(scene.crew.stops[-1]._replace(pid=None))


def is_locked(file: str) -> bool:
    """Whether somebody does not let go of the database."""
    connection = sqlite3.connect(file, timeout=0.3, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


@asynccontextmanager
async def partition(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """Nothing passes between a worker and the server."""
    async with blocked(scene, fault, "up", "down"):
        yield


@asynccontextmanager
async def half_open(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """What a worker says does not get to the server, or what that answers does not get to the worker."""
    async with blocked(scene, fault, "up" if fault.chance < 0.5 else "down"):
        yield


@asynccontextmanager
async def blocked(scene: Scene, fault: Fault, *ways: Way) -> AsyncIterator[None]:
    """Block a worker's link; when it heals, its connections go on, or are gone."""
    link = scene.links[fault.victim]
    with scene.crew.cut_off(fault.kind, fault.victim), link.blocked(*ways):
        yield
        if int(fault.chance * 100) % 2:
            link.cut()


@asynccontextmanager
async def clock(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """The clock of a worker's machine is set an hour ahead or back, and set right again."""
    ahead = HOUR if fault.chance < 0.5 else -HOUR
    scene.crew.set_clock(fault.victim, ahead)
    yield
    scene.crew.set_clock(fault.victim, 0)


@asynccontextmanager
async def restart(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """The server shuts down, and is started again."""
    async with without_server(scene, fault, _place(scene).server.stop):
        yield


@asynccontextmanager
async def crash(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """The server is killed, and started again."""
    async with without_server(scene, fault, _place(scene).server.kill):
        yield


@asynccontextmanager
async def without_server(scene: Scene, fault: Fault, end: Callable[[], None]) -> AsyncIterator[None]:
    with scene.crew.cut_off(fault.kind):
        await to_thread.run_sync(end)
        yield
        await to_thread.run_sync(_place(scene).server.start)


@asynccontextmanager
async def hang_up(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """The server ends all connections."""
    with scene.crew.cut_off(fault.kind):
        await _place(scene).hang_up()
    yield


@asynccontextmanager
async def exhaust(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """Strangers have all of the server's connections."""
    with scene.crew.cut_off(fault.kind):
        async with AsyncExitStack() as stack:
            await _place(scene).exhaust(stack)
            yield


@asynccontextmanager
async def slow(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """The network is slow for all."""
    with scene.crew.cut_off(fault.kind):
        for link in scene.links:
            link.delay, link.rate = SLOWEST * fault.chance, THROTTLED
        yield
        for link in scene.links:
            link.delay, link.rate = 0, None


@asynccontextmanager
async def disk_full(scene: Scene, fault: Fault) -> AsyncIterator[None]:
    """Nobody can write to the disk."""
    with scene.crew.cut_off(fault.kind):
        scene.crew.limit_files(FULL)
        yield
        scene.crew.limit_files(0)


FAULTS: dict[str, Inject] = {
    "kill": kill,
    "stop": stop,
    "partition": partition,
    "half-open": half_open,
    "clock": clock,
    "restart": restart,
    "crash": crash,
    "hang-up": hang_up,
    "exhaust": exhaust,
    "slow": slow,
    "disk-full": disk_full,
}


async def carry_out(scene: Scene, faults: list[Fault], begun: float) -> None:
    """Inject the faults of one lane, one after another, none before its time."""
    for fault in faults:
        await anyio.sleep_until(begun + fault.at)
        async with FAULTS[fault.kind](scene, fault):
            await anyio.sleep(fault.seconds)


def _place(scene: Scene) -> Place:
    assert scene.place is not None
    return scene.place
