"""Executors: tasks that each run one job after another, fed by a stream.

To spawn a task per job costs ten times as much. The pool grows while all executors are busy, up to as many as
jobs may run at once, and ends with its task group.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream

from taskshed._loops import sheltered

J = TypeVar("J")


class Pool(Generic[J]):
    """Runs `work(job)` for each submitted job; whoever submits keeps to `size` unfinished jobs."""

    def __init__(self, tasks: TaskGroup, size: int, work: Callable[[J], Awaitable[None]]) -> None:
        self._tasks = tasks
        self._work = work
        self._sender, self._receiver = anyio.create_memory_object_stream[J](size)
        self._executors = 0
        self._unfinished = 0

    def submit(self, job: J) -> None:
        """Have a job run as soon as the event loop comes to it."""
        self._sender.send_nowait(job)
        self._unfinished += 1
        if self._unfinished > self._executors:
            self._executors += 1
            self._tasks.start_soon(sheltered, self._execute, self._receiver.clone())

    def close(self) -> None:
        """Take no more jobs and let idle executors end."""
        self._sender.close()
        self._receiver.close()

    async def _execute(self, jobs: MemoryObjectReceiveStream[J]) -> None:
        with jobs:
            async for job in jobs:
                try:
                    await self._work(job)
                finally:
                    self._unfinished -= 1
