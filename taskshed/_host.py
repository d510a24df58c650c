"""Where the parts of TaskShed live: each in a root task of its own.

A datastore is shared by schedulers and workers that come and go in any order, and `start()` has no
task group at hand. So no part lives in the task that started it. A `Host` runs the part's lifetime, an
async context manager, in a root task: on asyncio a task that is strongly referenced, on trio a system
task. That task opens and closes all task groups of the part, and it is shielded: a cancelled caller
does not tear a part down half way. The end of the loop counts as a request to stop, made by whoever started the part.

A `Component` is what users start and stop. It counts its holders, so that a datastore closes when the
last scheduler or worker that uses it has ended.
"""

import contextvars
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Literal, Self

import anyio

from taskshed import _loops as loops

logger = logging.getLogger("taskshed")

_hosts_around: contextvars.ContextVar[tuple["Host", ...]] = contextvars.ContextVar("taskshed_hosts", default=())


class Host:
    """Runs an async context manager in a root task, from `start` until `stop` or the end of the loop."""

    def __init__(
        self, lifetime: Callable[[], AbstractAsyncContextManager[None]], name: str, loop_ends: Callable[[], None]
    ) -> None:
        self._lifetime = lifetime
        self._name = name
        self._loop_ends = loop_ends
        self._up = anyio.Event()
        self._down = anyio.Event()
        self._told_to_stop = anyio.Event()
        self._error: BaseException | None = None
        self.state: Literal["new", "running", "stopping", "stopped"] = "new"
        self.root_task: loops.RootTask | None = None  # asyncio only

    async def start(self) -> None:
        """Begin the lifetime, or wait for whoever began it.

        Raises:
            BaseException: what entering the lifetime raised.
        """
        if self.state == "new":
            self.state = "running"
            context = contextvars.copy_context()
            context.run(_hosts_around.set, (*_hosts_around.get(), self))
            self.root_task = loops.spawn(self._run, self._name, context)
        await self._up.wait()
        self._raise_error()

    async def stop(self) -> None:
        """End the lifetime and wait until it has ended, even in a cancelled scope.

        Raises:
            BaseException: what the lifetime died of, if it did.
        """
        self.tell_to_stop()
        await self.ended()
        self._raise_error()

    async def ended(self) -> None:
        """Wait until the lifetime has ended, even in a cancelled scope."""
        with anyio.CancelScope(shield=True):
            await self._down.wait()

    def tell_to_stop(self) -> None:
        """End the lifetime without waiting for it."""
        if self.state == "running":
            self.state = "stopping"
        self._told_to_stop.set()

    def encloses_caller(self) -> bool:
        """Whether the caller runs inside this host, so that to wait for its end would be to wait for oneself."""
        return self in _hosts_around.get()

    async def _run(self) -> None:
        interrupt: KeyboardInterrupt | None = None
        try:
            async with anyio.create_task_group() as watch:
                watch.start_soon(self._stop_with_the_loop)
                with anyio.CancelScope(shield=True):
                    async with self._lifetime():
                        self._up.set()
                        await self._told_to_stop.wait()
                watch.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # nothing else may leave a trio system task
            self._error = _unwrapped(error)
            interrupt = loops.interrupt_in(error)
            if self._up.is_set() and interrupt is None:
                logger.critical("%s died: %r", self._name, self._error, exc_info=self._error)
        finally:
            self.state = "stopped"
            self._up.set()
            self._down.set()
        if interrupt is not None:  # a task group caught it, with asyncio none the wiser
            loops.pass_on_interrupt(interrupt)

    async def _stop_with_the_loop(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            if self.state == "running":
                self._loop_ends()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


class Component(ABC):
    """A part with a lifetime: `async with` it, or `start()` and `shutdown()` it; both may be repeated."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._holders: set[object] = set()

    @abstractmethod
    def _lifetime(self) -> AbstractAsyncContextManager[None]:
        """What runs between start and shutdown."""

    def _parts(self) -> tuple["Component", ...]:
        """The components that this one holds while it runs."""
        return ()

    async def start(self) -> None:
        """Start, and return once running; starting what runs does nothing."""
        await self._hold(self)

    async def shutdown(self) -> None:
        """End, and return once ended; ending what has ended does nothing.

        From inside a callback it only asks for the end and returns, since the callback has to end first.
        """
        self._holders.clear()
        await self._stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shutdown()

    @asynccontextmanager
    async def held_by(self, holder: object) -> AsyncIterator[Self]:
        """Keep this running for as long as the block lasts, at least."""
        await self._hold(holder)
        try:
            yield self
        finally:
            await self._release(holder)

    async def _hold(self, holder: object) -> None:
        self._holders.add(holder)
        try:
            while self._host is not None and self._host.state == "stopping":
                await self._host.ended()
            if self._host is None or self._host.state == "stopped":
                self._host = Host(self._lifetime, type(self).__name__, self._loop_ends)
            await self._host.start()
        except BaseException:
            await self._release(holder)
            raise

    async def _release(self, holder: object) -> None:
        self._holders.discard(holder)
        if not self._holders:
            await self._stop()

    def _loop_ends(self) -> None:
        """The end of the loop ends all components: those that hold this one first, and the last of them ends it."""
        self._holders.discard(self)
        if self._host is not None and not self._holders:
            self._host.tell_to_stop()

    async def _stop(self) -> None:
        if self._host is None or self._host.state == "stopped":
            return
        if any(component._encloses_caller() for component in (self, *self._parts())):
            self._host.tell_to_stop()
        else:
            await self._host.stop()

    def _encloses_caller(self) -> bool:
        return self._host is not None and self._host.encloses_caller()


def cancellation_is_final() -> bool:
    """Whether a cancellation just caught ends the caller's host; if a callback cancelled its own task, undo that."""
    return loops.cancellation_is_final(_hosts_around.get()[-1].root_task)


def _unwrapped(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
