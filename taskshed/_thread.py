"""A thread of one's own for blocking calls that must follow each other, such as those on one connection.

anyio's pool of worker threads does not fit: a connection would wander between threads, and its threads
keep an interpreter alive whose loop was left by an exception. This one is a daemon.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, checkpoint_if_cancelled, current_token

R = TypeVar("R")


class _Job(Generic[R]):
    __slots__ = ("_call", "_token", "done", "error", "result")

    result: R

    def __init__(self, call: Callable[[], R], token: EventLoopToken) -> None:
        self._call = call
        self._token = token
        self.done = anyio.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error
        with suppress(RuntimeError):  # the loop has ended, nobody waits
            from_thread.run_sync(self.done.set, token=self._token)


class OwnThread:
    """Runs functions one after another in one thread."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, call: Callable[[], R]) -> R:
        """Run `call` in the thread and return what it returns; once begun it cannot be cancelled."""
        await checkpoint_if_cancelled()
        job = _Job(call, current_token())
        self._jobs.put(job)
        with anyio.CancelScope(shield=True):
            await job.done.wait()
        if job.error is not None:
            raise job.error
        return job.result

    def stop(self) -> None:
        """End the thread after what it was given."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
            del job  # an idle thread keeps nothing alive
