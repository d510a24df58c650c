"""An asyncio loop in a thread of its own, for drivers that know only asyncio while the program runs on trio.

A call crosses over, runs as an asyncio task, and its outcome comes back. A cancelled call cancels its task and
returns only when that has unwound, so that a driver is never left in the middle of something.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

import sniffio
import trio

T = TypeVar("T")


class _Call(Generic[T]):
    """A coroutine function on its way to the other side, and its outcome on the way back."""

    def __init__(self, function: Callable[..., Coroutine[Any, Any, T]], arguments: tuple[Any, ...]) -> None:
        self._function = function
        self._arguments = arguments
        self._context = contextvars.copy_context()
        # A context copied under trio says "trio", and anyio on the asyncio side would believe it.
        self._context.run(sniffio.current_async_library_cvar.set, "asyncio")
        self._token = trio.lowlevel.current_trio_token()
        self._done = trio.Event()
        self._cancelled = False
        self._task: asyncio.Task[T] | None = None

    def begin(self) -> None:
        """Begin, on the asyncio side."""
        coroutine = self._function(*self._arguments)
        self._task = asyncio.get_running_loop().create_task(coroutine, context=self._context)
        self._task.add_done_callback(self._return)
        if self._cancelled:
            self._task.cancel()

    def cancel(self) -> None:
        """Ask for the end, on the asyncio side."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    async def outcome(self, loop: asyncio.AbstractEventLoop) -> T:
        """Wait for it, on the trio side."""
        try:
            await self._done.wait()
        except trio.Cancelled:
            loop.call_soon_threadsafe(self.cancel)
            with trio.CancelScope(shield=True):
                await self._done.wait()
            assert self._task is not None
            if not self._task.cancelled():
                self._task.exception()  # it is of no interest any more
            raise
        assert self._task is not None
        if self._task.cancelled():
            raise RuntimeError("the asyncio side ended before this call did")
        return self._task.result()

    def _return(self, _: asyncio.Task[T]) -> None:
        with suppress(trio.RunFinishedError):  # nobody waits any more
            self._token.run_sync_soon(self._done.set)


class Bridge:
    """An asyncio loop in a daemon thread; made and used on trio."""

    def __init__(self, name: str) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Run a coroutine function on the asyncio side and return what it returns."""
        await trio.lowlevel.checkpoint_if_cancelled()
        call = _Call(function, arguments)
        self._loop.call_soon_threadsafe(call.begin)
        return await call.outcome(self._loop)

    def post(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a plain function on the trio side, from the asyncio side; it must not raise."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(function, *arguments)

    def stop(self) -> None:
        """End the loop and the thread; what still runs there is cancelled."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()
