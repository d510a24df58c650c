"""A storage whose driver knows only asyncio: on trio it lives on an asyncio loop in a thread of its own."""

import math
from collections.abc import AsyncIterable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import anyio

from taskshed._clock import Clock, SystemClock
from taskshed._loops import on_trio
from taskshed._records import Record
from taskshed.datastores._base import Notice, Storage
from taskshed.datastores.commands import Change, Command, Selection

T = TypeVar("T")


class HostedStorage:
    """Passes every call on: on asyncio as it is, on trio over a bridge.

    Args:
        farewell: what to do at the end of an asyncio loop of our own, where what lives on it has to end.
    """

    def __init__(self, storage: Storage, farewell: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self._storage = storage
        self._farewell = farewell
        self._bridge: Any = None

    async def open(self, clock: Clock) -> None:
        if not on_trio():
            await self._storage.open(clock)
            return
        from taskshed._bridge import Bridge  # noqa: PLC0415 - it imports trio, which not everybody has

        opened = False

        async def open_there() -> None:
            nonlocal opened
            await self._storage.open(_TimeOf(clock))
            opened = True

        self._bridge = Bridge("taskshed-asyncio")
        try:
            await self._bridge.call(open_there)
        except BaseException:
            with anyio.CancelScope(shield=True):
                if opened:  # at the very moment that we were cancelled
                    await self._bridge.call(self._storage.close)
                await self._stop()
            raise

    async def close(self) -> None:
        try:
            await self._call(self._storage.close)
        finally:
            await self._stop()

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        return await self._call(self._storage.execute, commands)

    async def fetch(self, selection: Selection) -> list[Record]:
        return await self._call(self._storage.fetch, selection)

    async def watch(self, notice: Notice) -> None:
        if self._bridge is None:
            await self._storage.watch(notice)
            return
        speak, heard = anyio.create_memory_object_stream[Change | None](math.inf)

        async def relay(change: Change | None) -> None:
            self._bridge.post(say, change)

        def say(change: Change | None) -> None:
            with suppress(anyio.ClosedResourceError):  # it crossed the end of the watch
                speak.send_nowait(change)

        error: Exception | None = None
        with heard:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_hand_on, heard, notice)
                with speak:
                    try:
                        await self._call(self._storage.watch, relay)
                    except Exception as failure:  # a task group would wrap it
                        error = failure
        if error is not None:
            raise error

    async def _call(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        if self._bridge is None:
            return await function(*arguments)
        result: T = await self._bridge.call(function, *arguments)
        return result

    async def _stop(self) -> None:
        bridge, self._bridge = self._bridge, None
        if bridge is None:
            return
        with anyio.CancelScope(shield=True):
            try:
                if self._farewell is not None:
                    await bridge.call(self._farewell)
            finally:
                bridge.stop()


class _TimeOf(SystemClock):
    """Tells the time of another clock, which belongs to trio and cannot be waited for over there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now()


async def _hand_on(heard: AsyncIterable[Change | None], notice: Notice) -> None:
    async for change in heard:
        await notice(change)
