"""A clock for tests of the parts: it stands still until it is turned, and then jumps, whatever is under way."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import anyio

from taskshed._clock import SystemClock, clock_of_context, duration_micros, from_micros, to_micros


class ManualClock(SystemClock):
    """A clock that stands still until it is turned: what waits on it wakes when its time has come, and never sleeps.

    Args:
        start: the first instant; default 2030-01-01 00:00 UTC.
    """

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._now = to_micros(start)
        self._monotonic = 0
        self._waiting: list[tuple[int, anyio.CancelScope]] = []

    def now(self) -> int:
        return self._now

    def monotonic(self) -> int:
        return self._monotonic

    def move_on_at(self, deadline: int | None) -> anyio.CancelScope:
        scope = anyio.CancelScope()
        if deadline is not None:
            if deadline <= self._monotonic:
                scope.cancel()
            else:
                self._waiting.append((deadline, scope))
        return scope

    @property
    def time(self) -> datetime:
        """The present instant, UTC."""
        return from_micros(self._now)

    def advance(self, duration: timedelta) -> None:
        """Let time pass and wake whatever waited for it."""
        self._now += duration_micros(duration)
        self._monotonic += duration_micros(duration)
        due = [scope for deadline, scope in self._waiting if deadline <= self._monotonic]
        self._waiting = [entry for entry in self._waiting if entry[0] > self._monotonic]
        for scope in due:
            scope.cancel()

    def step(self, duration: timedelta) -> None:
        """Set the wall clock forward, or back if negative, as somebody does who corrects it: no time passes."""
        self._now += duration_micros(duration)

    @contextmanager
    def installed(self) -> Iterator["ManualClock"]:
        """Have everything that is started in the block, and from tasks begun there, use this clock."""
        with clock_of_context(self):
            yield self
