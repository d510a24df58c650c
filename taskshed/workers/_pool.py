"""Executors: tasks that each run one job after another.

To spawn a task per job costs ten times as much. The pool grows while all executors are busy, up to as many as
jobs may run at once, and ends with its task group.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from taskshed._clock import ambient_clock
from taskshed._loops import sheltered

J = TypeVar("J")


class Pool(Generic[J]):
    """Runs `work(job)` for each submitted job; whoever submits keeps to `size` unfinished jobs.

    Jobs begin in the order of their submission, whichever executor comes first, since some event loops wake those that
    wait in any order.
    """

    def __init__(self, tasks: TaskGroup, size: int, work: Callable[[J], Awaitable[None]]) -> None:
        self._tasks = tasks
        self._size = size
        self._work = work
        self._clock = ambient_clock()
        self._jobs: deque[J] = deque()
        self._idle: list[anyio.Event] = []
        self._executors = 0
        self._closed = False

    def submit(self, job: J) -> None:
        """Have a job run as soon as the event loop comes to it."""
        self._clock.hold(run=job)
        self._jobs.append(job)
        if self._idle:
            self._idle.pop().set()
        elif self._executors < self._size:
            self._executors += 1
            self._tasks.start_soon(sheltered, self._execute)

    def close(self) -> None:
        """Take no more jobs and let idle executors end."""
        self._closed = True
        while self._jobs:
            self._clock.release(run=self._jobs.popleft())
        while self._idle:
            self._idle.pop().set()

    async def _execute(self) -> None:
        while True:
            while self._jobs:
                job = self._jobs.popleft()
                try:
                    await self._work(job)
                finally:
                    self._clock.release(run=job)
            if self._closed:
                return
            called = anyio.Event()
            self._idle.append(called)
            await called.wait()
