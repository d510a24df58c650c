from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import anyio
from anyio.lowlevel import checkpoint

from taskshed._clock import aware, clock_of_context, clock_of_process, duration_micros, from_micros, to_micros
from taskshed.testing._virtual_time import VirtualTime
from taskshed.workers._current import current_run, listening

START = datetime(2030, 1, 1, tzinfo=UTC)
_PATIENCE = timedelta(seconds=10)
_LOOP_TURNS = 10


class VirtualClock:
    """The time of the schedulers and workers in a test: it passes only when you turn it, and then at once.

    Turning it goes from one due time to the next, and lets all that is due end before it goes on.
    """

    def __init__(self, time: VirtualTime) -> None:
        self._time = time

    def __repr__(self) -> str:
        return f"<VirtualClock {self.now()}>"

    def now(self) -> datetime:
        """The present instant, UTC."""
        return from_micros(self._time.now())

    async def advance(self, duration: timedelta) -> None:
        """Let time pass; returns when every callback that is due by then has run, at its own time.

        A callback that waits for anything but this clock's `sleep` is waited for in real time.

        Raises:
            TypeError, ValueError: it is no duration, or a negative one.
            RuntimeError: a callback does not end, or this was called in a callback or by two tasks at once.
        """
        if not isinstance(duration, timedelta):
            raise TypeError(f"duration must be a timedelta, not {duration!r}")
        if duration < timedelta(0):
            raise ValueError(f"time does not go back, as {duration!r} would")
        await settle(self._time, duration_micros(duration))
        self._time.failures.clear()

    async def advance_to(self, instant: datetime) -> None:
        """Let time pass until `instant`, which has a time zone; otherwise like `advance`."""
        aware("instant", instant)
        if instant < self.now():
            raise ValueError(f"time does not go back from {self.now()} to {instant}")
        await self.advance(instant - self.now())

    async def sleep(self, duration: timedelta) -> None:
        """Wait for time to pass; in a callback, this is what lets it pass while that runs."""
        deadline = self._time.monotonic() + duration_micros(duration)
        if duration <= timedelta(0):
            await checkpoint()
        while self._time.monotonic() < deadline:
            with self._time.sleep_in(current_run.get(), deadline):
                await anyio.sleep_forever()


async def settle(time: VirtualTime, duration: int) -> None:
    """Let all that is due within `duration` microseconds end; raises as `VirtualClock.advance` does."""
    run = current_run.get()
    if run is not None and not run.ending:
        name = f"the callback {run.occurrence.callback!r} of task {run.occurrence.task_id!r}"
        raise RuntimeError(f"{name} cannot turn the clock that it runs by; it can sleep on it")
    if time.target is not None:
        raise RuntimeError("the clock is being turned by another task; wait until that is done")
    for _ in range(_LOOP_TURNS):  # the test's own tasks, if it has just started some, shall not come too late
        await checkpoint()
    time.head_for(time.monotonic() + duration)
    try:
        while not time.arrived.is_set():
            steps = time.steps
            with anyio.move_on_after(time.patience):
                await time.arrived.wait()
            if time.steps == steps and not time.arrived.is_set():
                raise RuntimeError(_complaint(time))
    finally:
        time.target = None


def _complaint(time: VirtualTime) -> str:
    runs = ", ".join(repr(getattr(run, "task_id", run)) for run in time.runs.values()) or "none"
    return (
        f"nothing has happened for {time.patience:g} real seconds at {from_micros(time.now())}; "
        f"tasks still running: {runs}. Callbacks have to end by themselves, or wait with `await clock.sleep(duration)`"
    )


@asynccontextmanager
async def virtual_clock(start: datetime = START, *, patience: timedelta = _PATIENCE) -> AsyncIterator[VirtualClock]:
    """Run schedulers, workers and stores that are started in the block on a clock that only you turn.

    The stores are in memory, or SQLite files, which take longer; those on a server go by its time and are refused.

    Args:
        start: the first instant, with a time zone.
        patience: how long, in real time, a callback may take without any progress before `advance` gives up.
    """
    time = _time(start, patience)
    with clock_of_context(time), listening(time.heard):
        yield VirtualClock(time)


@contextmanager
def virtual_clock_of_process(start: datetime = START) -> Iterator[VirtualClock]:
    """The same for a fixture, which has no part in the context of its tests."""
    time = _time(start, _PATIENCE)
    with clock_of_process(time), listening(time.heard):
        yield VirtualClock(time)


def _time(start: datetime, patience: timedelta) -> VirtualTime:
    return VirtualTime(to_micros(aware("start", start)), patience.total_seconds())
