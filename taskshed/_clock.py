"""Time as TaskShed counts it: integer microseconds.

*Wall* instants are microseconds since 1970 in UTC and are what is stored. *Monotonic* instants only
measure waiting. Whatever waits takes a `Clock`, so a test can turn the time by hand.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """A source of time and the only thing that waits for it.

    A clock that is turned by hand, for tests, has to know when it may be turned: not while anything is under way that
    may yet begin to wait for a time. So whoever hands work on holds the clock until that work is done or waits itself.

    Attributes:
        virtual: whether its time is not that of the world, and of servers.
    """

    virtual: bool

    def now(self) -> int:
        """The wall instant."""
        ...

    def monotonic(self) -> int:
        """An instant that never goes back."""
        ...

    def move_on_at(self, deadline: int | None) -> AbstractContextManager[object]:
        """A block that is cancelled at a monotonic deadline; None never is."""
        ...

    def hold(self, number: int = 1, run: object = None) -> None:
        """So many things are under way; one may be a run."""
        ...

    def release(self, number: int = 1, run: object = None, until: int | None = None) -> bool:
        """So many are done, or about to wait; `until` is the monotonic deadline of who is about to wait.

        Returns:
            Whether it is `until` now, since nothing else was under way: then there is no need to wait, and the clock is
            held once.
        """
        ...

    def passing(self) -> AbstractContextManager[object]:
        """A block in which time has to pass, for it ends with something that waits for a time."""
        ...


class SystemClock:
    """The machine's own clocks, which need nobody to turn them."""

    virtual = False

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> int:
        return time.monotonic_ns() // 1000

    def move_on_at(self, deadline: int | None) -> AbstractContextManager[object]:
        if deadline is None:
            return anyio.CancelScope()
        return anyio.move_on_after(max(0, deadline - self.monotonic()) / 1_000_000)

    def hold(self, number: int = 1, run: object = None) -> None:
        pass

    def release(self, number: int = 1, run: object = None, until: int | None = None) -> bool:
        return False

    def passing(self) -> AbstractContextManager[object]:
        return nullcontext()


_of_process: list[Clock] = [SystemClock()]
_of_context: ContextVar[Clock | None] = ContextVar("taskshed_clock", default=None)


def ambient_clock() -> Clock:
    """The clock that whatever is started here and now will use."""
    return _of_context.get() or _of_process[-1]


@contextmanager
def clock_of_context(clock: Clock) -> Iterator[None]:
    """Have all that is started in the block, and from tasks begun there, use this clock."""
    before = _of_context.get()
    _of_context.set(clock)
    try:
        yield
    finally:
        _of_context.set(before)


@contextmanager
def clock_of_process(clock: Clock) -> Iterator[None]:
    """Have all that is started while the block lasts use this clock, unless its context has another."""
    _of_process.append(clock)
    try:
        yield
    finally:
        _of_process.remove(clock)


async def sleep_until(clock: Clock, deadline: int) -> None:
    """Wait for a monotonic deadline; never returns before it, whatever the event loop's timers do."""
    while clock.monotonic() < deadline:
        with clock.move_on_at(deadline):
            await anyio.sleep_forever()


def aware(name: str, moment: object) -> datetime:
    """`moment`, which has to be a datetime with a time zone.

    Raises:
        TypeError, ValueError: it is not; `name` says what was meant.
    """
    if not isinstance(moment, datetime):
        raise TypeError(f"{name} must be a datetime, not {moment!r}")
    if moment.utcoffset() is None:
        raise ValueError(f"{name} must have a time zone, for example datetime.now(UTC), not {moment!r}")
    return moment


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
