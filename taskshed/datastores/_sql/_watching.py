"""How changes made by other processes are noticed: told where the database can, asked for where it cannot.

Each of these reports the earliest due time once it watches, and so whatever happened before.
"""

import math
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeGuard

import anyio
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from taskshed._clock import Clock, sleep_until
from taskshed._loops import cancelled_once
from taskshed.datastores._base import Notice
from taskshed.datastores._sql._lanes import CLOSING_PATIENCE
from taskshed.datastores._sql._postgresql import CANCELLED, PostgreSQL
from taskshed.datastores._sql._tables import Sight
from taskshed.datastores._trouble import Trouble
from taskshed.datastores.commands import RunsCancelled, ScheduleChanged

Look = Callable[[], Awaitable[Sight]]


def can_listen(engine: Engine | AsyncEngine) -> TypeGuard[AsyncEngine]:
    """Whether the engine's driver hands on what `LISTEN` hears."""
    return isinstance(engine, AsyncEngine) and engine.dialect.driver == "asyncpg"


class Onlooker:
    """Who looks again and again, and tells what has changed."""

    def __init__(self, notice: Notice) -> None:
        self._notice = notice
        self._cancellations: int | None = None

    async def see(self, sight: Sight) -> None:
        """Tell what is to be seen now."""
        await self._notice(None if sight.next_due is None else ScheduleChanged(sight.next_due))
        if self._cancellations not in (None, sight.cancellations):
            await self._notice(RunsCancelled())
        self._cancellations = sight.cancellations


async def by_looking(look: Look, clock: Clock, interval: int, notice: Notice) -> None:
    """Look at an interval."""
    onlooker = Onlooker(notice)
    while True:
        await onlooker.see(await look())
        await sleep_until(clock, clock.monotonic() + interval)


async def by_version(
    version: Callable[[], Awaitable[int]], look: Look, clock: Clock, interval: int, notice: Notice
) -> None:
    """Look whenever a number has changed that changes with every commit of others."""
    onlooker = Onlooker(notice)
    seen = await version()
    await onlooker.see(await look())
    while True:
        await sleep_until(clock, clock.monotonic() + interval)
        present = await version()
        if present != seen:
            seen = present
            await onlooker.see(await look())


async def by_listening(listener: "Listener", origin: str, clock: Clock, interval: int, notice: Notice) -> None:
    """Hear what `PostgreSQL.notify` says in other processes, and look at an interval to see that the line is alive."""
    onlooker = Onlooker(notice)
    async with listener.connected() as (look, heard):
        while True:
            await onlooker.see(await look())
            with clock.move_on_at(clock.monotonic() + interval):
                async for payload in heard:
                    said, _, sender = payload.partition(" ")
                    if sender != origin:
                        with suppress(ValueError):  # anybody may say anything on a channel
                            await notice(RunsCancelled() if said == CANCELLED else ScheduleChanged(int(said)))
                raise Trouble("lost", "the connection that listens was closed")


class Listener:
    """A connection outside of the engine's pool that listens.

    Args:
        patience: seconds that the server may take for an answer.
    """

    def __init__(self, engine: AsyncEngine, database: PostgreSQL, patience: float) -> None:
        self._engine = engine
        self._database = database
        self._patience = patience
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        self._speak, self._heard = anyio.create_memory_object_stream[str](math.inf)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Look, AsyncIterable[str]]]:
        """Listen; yields how to look, and what is heard, which ends with the connection."""
        with self._speak, self._heard:
            try:
                with anyio.fail_after(self._patience):
                    await cancelled_once(self._connect, grace=CLOSING_PATIENCE)
                yield self._look, self._heard
            finally:
                with anyio.move_on_after(CLOSING_PATIENCE, shield=True):
                    await self._hang_up()

    async def _connect(self) -> None:
        self._connection = await self._engine.connect()
        self._driver = (await self._connection.get_raw_connection()).driver_connection
        channel = await self._connection.run_sync(self._prepare)
        await self._driver.add_listener(channel, self._hear)
        self._driver.add_termination_listener(lambda _: self._speak.close())

    async def _look(self) -> Sight:
        assert self._connection is not None
        with anyio.fail_after(self._patience):
            return await cancelled_once(self._connection.run_sync, self._database.sight)

    async def _hang_up(self) -> None:
        # The driver is asked itself: it ends on the server what was interrupted, as no pool does for a detached one.
        if self._driver is not None:
            with suppress(Exception):  # whatever it says, it is over
                await self._driver.close(timeout=CLOSING_PATIENCE)
        if self._connection is not None:
            await self._connection.close()

    def _prepare(self, connection: Connection) -> str:
        connection.execution_options(isolation_level=self._database.isolation_level)
        connection.detach()  # others may need the pool's connections, and this one is kept
        return self._database.channel(connection)

    def _hear(self, *event: Any) -> None:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # it crossed our goodbye
            self._speak.send_nowait(event[-1])
