"""Time as TaskShed counts it: integer microseconds.

*Wall* instants are microseconds since 1970 in UTC and are what is stored. *Monotonic* instants only
measure waiting. Whatever waits takes a `Clock`, so a test can turn the time by hand.
"""

import time
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """A source of time and the only thing that waits for it."""

    def now(self) -> int:
        """The wall instant."""
        ...

    def monotonic(self) -> int:
        """An instant that never goes back."""
        ...

    def move_on_at(self, deadline: int | None) -> anyio.CancelScope:
        """A scope that is cancelled at a monotonic deadline; None never is."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> int:
        return time.monotonic_ns() // 1000

    def move_on_at(self, deadline: int | None) -> anyio.CancelScope:
        if deadline is None:
            return anyio.CancelScope()
        return anyio.move_on_after(max(0, deadline - self.monotonic()) / 1_000_000)


_ambient: ContextVar[Clock] = ContextVar("taskshed_clock", default=SystemClock())  # noqa: B039 - it has no state


def ambient_clock() -> Clock:
    """The clock that whatever is started here and now will use."""
    return _ambient.get()


def set_ambient_clock(clock: Clock) -> None:
    """Make `clock` the one for all that is started from this context on."""
    _ambient.set(clock)


async def sleep_until(clock: Clock, deadline: int) -> None:
    """Wait for a monotonic deadline; never returns before it, whatever the event loop's timers do."""
    while clock.monotonic() < deadline:
        with clock.move_on_at(deadline):
            await anyio.sleep_forever()


def to_micros(moment: datetime) -> int:
    """An aware datetime as a wall instant, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(instant: int) -> datetime:
    """A wall instant as a UTC datetime."""
    return _EPOCH + timedelta(microseconds=instant)


def duration_micros(duration: timedelta) -> int:
    """A duration in microseconds, exactly."""
    return duration // _MICROSECOND


class ClockOffset:
    """How far another wall clock is ahead of our monotonic one, from requests and replies.

    Cristian's algorithm (Distributed Computing 3, 1989): the other clock was read somewhere between
    sending and receiving, so its lead lies in [theirs - received, theirs - sent]. The best lower bound
    is kept until a sample contradicts it. With a lower bound an occurrence can start a round trip
    late, but never early.
    """

    def __init__(self, lead: int) -> None:
        self.lead = lead

    def observe(self, *, sent: int, theirs: int, received: int) -> None:
        """Learn from one exchange; `sent` and `received` are monotonic instants."""
        lowest, highest = theirs - received, theirs - sent
        self.lead = max(self.lead, lowest) if self.lead <= highest else lowest
