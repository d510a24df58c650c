"""Runs a coroutine in a simulated world, on asyncio or on trio, so that a seed always leads to the same steps.

asyncio's loop calls the steps of its tasks in the order in which they became ready; all that is to be done is to go on
to the world's next entry where it would wait for the machine. trio shuffles what is ready: its generator is seeded, and
told to sort before it shuffles, as it does for hypothesis.
"""

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import trio
import trio.testing
from simulation.world import SECOND, World

_RESOLUTION = 1e-7  # of asyncio's timers: less than a microsecond, more than the rounding of a float
_MOST_TURNS = 100_000  # of the loop in no time


def run_in(world: World, seed: int, backend: str, main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` until it returns, with the generators of Python and of trio seeded."""
    state = random.getstate()
    random.seed(seed)
    try:
        if backend == "trio":
            _run_on_trio(world, seed, main)
        else:
            with asyncio.Runner(loop_factory=lambda: _Loop(world)) as runner:
                runner.run(_main_of(main))
    finally:
        random.setstate(state)


async def _main_of(main: Callable[[], Awaitable[None]]) -> None:
    await main()


class _Loop(asyncio.SelectorEventLoop):
    """An asyncio loop that takes its time from a world."""

    def __init__(self, world: World) -> None:
        super().__init__(_Selector(self, world))
        self._world = world
        self._clock_resolution = _RESOLUTION

    def time(self) -> float:
        return self._world.now / SECOND


class _Selector(selectors.BaseSelector):
    """Where the loop would wait for the machine, the world goes on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, world: World) -> None:
        self._loop = loop
        self._world = world
        self._turns = 0
        self._registered: dict[Any, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            self._turns += 1
            if self._turns > _MOST_TURNS:
                self._turns = 0
                self._loop.call_soon(self._world.give_up("something goes on and on, and no time passes"))
            return []
        self._turns = 0
        following = self._world.next()
        timer = None if timeout is None else self._world.now + max(1, round(timeout * SECOND))
        if timer is not None and (following is None or timer < following):
            self._world.now = timer
        else:
            self._loop.call_soon(self._world.take())
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._registered[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._registered.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._registered


def _run_on_trio(world: World, seed: int, main: Callable[[], Awaitable[None]]) -> None:
    run: Any = trio._core._run
    state, run._r = run._r, random.Random(seed)
    sorts, run._ALLOW_DETERMINISTIC_SCHEDULING = run._ALLOW_DETERMINISTIC_SCHEDULING, True
    clock = trio.testing.MockClock()

    async def drive() -> None:
        while True:
            await trio.testing.wait_all_tasks_blocked()
            before = world.now
            happen = world.take()
            clock.jump((world.now - before) / SECOND)
            happen()

    async def driven() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drive)
            await main()
            tasks.cancel_scope.cancel()

    try:
        trio.run(driven, clock=clock)
    finally:
        run._r, run._ALLOW_DETERMINISTIC_SCHEDULING = state, sorts
