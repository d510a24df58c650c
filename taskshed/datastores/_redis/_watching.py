"""How changes made by other processes are noticed: a connection to each node that listens to its shards' channels."""

import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio
from redis.asyncio.connection import AbstractConnection

from taskshed.datastores._redis._lines import hang_up, within
from taskshed.datastores._redis._servers import Make
from taskshed.datastores._trouble import Trouble


class Listener:
    """A connection that is told of what is due earlier.

    Args:
        make: makes the connection.
        subscribe: "SUBSCRIBE", or "SSUBSCRIBE" for channels that belong to a shard.
        patience: seconds that the server may take for an answer.
    """

    def __init__(self, make: Make, subscribe: str, channels: Iterable[str], patience: float) -> None:
        self._connection: AbstractConnection = make()
        self._subscribe = subscribe
        self._channels = tuple(channels)
        self._patience = patience
        self._heard_since = True

    async def begin(self) -> None:
        """Connect and subscribe; whatever is said afterwards will be heard.

        Raises:
            Trouble: the server cannot be reached, or does not let us.
        """
        await within(self._patience, self._begin)

    async def hear(self, said: anyio.abc.ObjectSendStream[str]) -> None:
        """Pass on what is said, until the connection breaks.

        Raises:
            Trouble: it broke.
        """
        while True:
            event = await within(None, self._connection.read_response, True, sent=True)  # noqa: FBT003 - as bytes
            self._heard_since = True
            kind, *rest = event if isinstance(event, list) else (event,)
            if kind in (b"message", b"smessage"):
                await said.send(rest[-1].decode(errors="replace"))
            elif kind == b"sunsubscribe":
                raise Trouble("lost", "a shard has moved to another node")

    async def ask_for_a_sign(self) -> None:
        """See that the server has been heard since it was last asked, and ask it again.

        Raises:
            Trouble: it has not, or cannot be asked.
        """
        if not self._heard_since:
            raise Trouble("lost", "the connection that listens is dead")
        self._heard_since = False
        await within(self._patience, self._connection.send_command, "PING", sent=True)

    async def end(self) -> None:
        """Hang up."""
        await hang_up(self._connection)

    async def _begin(self) -> None:
        await self._connection.connect()  # type: ignore[no-untyped-call]
        for channel in self._channels:  # one by one, for each may be in a slot of its own
            await self._connection.send_command(self._subscribe, channel)
            await self._connection.read_response()


@asynccontextmanager
async def listening(listeners: Iterable[Listener]) -> AsyncIterator[AsyncIterable[str]]:
    """Listen on all lines; yields what is said, which ends when a line breaks."""
    speak, heard = anyio.create_memory_object_stream[str](math.inf)
    error: Exception | None = None

    async def pass_on(listener: Listener) -> None:
        try:
            await listener.hear(speak)
        except Trouble:
            speak.close()

    with speak, heard:
        try:
            for listener in listeners:
                await listener.begin()
            async with anyio.create_task_group() as tasks:
                for listener in listeners:
                    tasks.start_soon(pass_on, listener)
                try:
                    yield heard
                except Exception as failure:  # the task group would wrap it
                    error = failure
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            for listener in listeners:
                await listener.end()
    if error is not None:
        raise error
