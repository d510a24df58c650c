"""What asyncio and trio do differently; the only file that knows one from the other."""

import asyncio
import contextvars
import signal
import sys
import threading
import types
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import anyio

T = TypeVar("T")
RootTask = asyncio.Task[None]

# asyncio itself keeps only weak references to tasks.
_root_tasks: set[asyncio.Task[None]] = set()


def on_trio() -> bool:
    """Whether the caller runs on trio; else it runs on asyncio."""
    trio = sys.modules.get("trio")  # who runs on trio has imported it
    return trio is not None and trio.lowlevel.in_trio_run()


def spawn(
    main: Callable[[], Coroutine[Any, Any, None]], name: str, context: contextvars.Context
) -> asyncio.Task[None] | None:
    """Run `main` as a root task: nobody's child, and kept alive; returns the task if it is asyncio's."""
    if on_trio():
        lowlevel = sys.modules["trio"].lowlevel
        lowlevel.enable_ki_protection(sheltered)
        lowlevel.disable_ki_protection(exposed)
        lowlevel.spawn_system_task(main, name=name, context=context)
        return None
    loop = asyncio.get_running_loop()
    task = loop.create_task(main(), name=name, context=context)
    _root_tasks.add(task)
    task.add_done_callback(_forget)
    _defer_interrupts(loop)
    return task


def _forget(task: asyncio.Task[None]) -> None:
    _root_tasks.discard(task)
    if not _root_tasks:
        _stop_deferring_interrupts()


class _DeferredInterrupt:
    """A SIGINT handler that raises KeyboardInterrupt between two callbacks of the loop, as asyncio.run() would.

    Python's own raises it wherever the program is, which leaves tasks and cancel scopes in pieces. A second Ctrl-C is
    Python's own again, for callbacks that never come back to the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __call__(self, signal_number: int, frame: types.FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._interrupt)
        else:
            signal.default_int_handler(signal_number, frame)

    def _interrupt(self) -> None:
        raise KeyboardInterrupt


def _defer_interrupts(loop: asyncio.AbstractEventLoop) -> None:
    # Whoever has a handler of their own, as asyncio.run() does, keeps it.
    if _in_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _DeferredInterrupt(loop))


def _stop_deferring_interrupts() -> None:
    if _in_main_thread() and isinstance(signal.getsignal(signal.SIGINT), _DeferredInterrupt):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _in_main_thread() -> bool:  # no other may set handlers
    return threading.current_thread() is threading.main_thread()


async def sheltered(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Run an actor so that on trio Ctrl-C goes to the main task and never strikes between two of its lines."""
    return await function(*arguments)


async def exposed(callback: Awaitable[T]) -> T:
    """Run a callback inside an actor: Ctrl-C may interrupt it where it computes."""
    return await callback


def call_soon(function: Callable[[], None]) -> None:
    """Have the event loop call `function` when the present task waits next, or later."""
    if on_trio():
        sys.modules["trio"].lowlevel.current_trio_token().run_sync_soon(function)
    else:
        asyncio.get_running_loop().call_soon(function)


async def cancelled_once(function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any, grace: float = 0) -> T:
    """Run something written for asyncio, and if it is cancelled let it clean up; returns when it has.

    In a cancelled scope anyio cancels again at every await, also at those with which a driver would say goodbye. With
    `grace`, it has that many seconds to come to its end by itself, and leaves what it made where its caller finds it.
    """
    task = asyncio.get_running_loop().create_task(function(*arguments))
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            if grace:
                await asyncio.wait([task], timeout=grace)
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # it is of no interest any more
        raise
    return task.result()


def interrupt_in(error: BaseException) -> KeyboardInterrupt | None:
    """The Ctrl-C that `error` is or, as a group, holds."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for part in error.exceptions if (found := interrupt_in(part))), None)
    return error if isinstance(error, KeyboardInterrupt) else None


def pass_on_interrupt(interrupt: KeyboardInterrupt) -> None:
    """Hand a Ctrl-C that a callback was interrupted by to the program: on trio to its main task, else up."""
    if not on_trio():
        raise interrupt
    signal.raise_signal(signal.SIGINT)


def cancellation_is_final(root: asyncio.Task[None] | None) -> bool:
    """Whether a cancellation just caught ends the root task; if a callback cancelled its own task, undo that."""
    if on_trio():
        return True
    task = asyncio.current_task()
    if root is None or task is None or root.cancelling():
        return True
    while task.uncancel():
        pass
    return False
