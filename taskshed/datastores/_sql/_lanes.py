"""Where connections live: in a thread of their own, or on the asyncio loop.

A lane carries out one piece of work after another on one connection. The work is a plain function; that is all
that a database's statements know of threads and loops.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import anyio
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from taskshed._loops import cancelled_once
from taskshed._thread import OwnThread
from taskshed.datastores._sql._database import Database
from taskshed.datastores._sql._errors import reason_of
from taskshed.datastores._trouble import Trouble

R = TypeVar("R")

CLOSING_PATIENCE = 2  # seconds for a server to take a goodbye


class Lane(ABC):
    """One connection at a time, made when it is needed.

    Args:
        keep: whether to keep it between two pieces of work, or to give it back to the engine's pool.
    """

    def __init__(self, database: Database, *, keep: bool) -> None:
        self._database = database
        self._keep = keep

    @abstractmethod
    async def run(self, work: Callable[[Connection], R]) -> R:
        """Do it and return what it returns. If that fails or is cancelled, the connection is not used again."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the connection."""

    def _configured(self, connection: Connection) -> Connection:
        try:
            connection.execution_options(isolation_level=self._database.isolation_level)
        except Exception as error:  # a driver's own, bare: the pool's connection is none any more, another one may be
            connection.invalidate()
            raise Trouble("again", reason_of(error)) from error
        self._database.configure(connection)
        return connection


class ThreadLane(Lane):
    """A lane for an `Engine`. What has begun cannot be cancelled."""

    def __init__(self, engine: Engine, database: Database, *, keep: bool, name: str) -> None:
        super().__init__(database, keep=keep)
        self._engine = engine
        self._thread = OwnThread(name)
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], R]) -> R:
        return await self._thread.run(lambda: self._run(work))

    async def close(self) -> None:
        await self._thread.run(self._disconnect)
        self._thread.stop()

    def _run(self, work: Callable[[Connection], R]) -> R:
        if self._connection is None or self._connection.invalidated:
            self._disconnect()
            self._connection = self._engine.connect()
            try:
                self._configured(self._connection)
            except BaseException:
                self._disconnect()
                raise
        try:
            return work(self._connection)
        except BaseException:
            if not self._database.keeps_connections:
                self._connection.invalidate()
            raise
        finally:
            if not self._keep:
                self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class AsyncLane(Lane):
    """A lane for an `AsyncEngine`; each piece of work is one `run_sync`.

    Args:
        patience: seconds that a connection and its work may take together.
    """

    def __init__(self, engine: AsyncEngine, database: Database, *, keep: bool, patience: float) -> None:
        super().__init__(database, keep=keep)
        self._engine = engine
        self._patience = patience
        self._connection: AsyncConnection | None = None
        self._killing: str | None = None
        self._turn = anyio.Lock(fast_acquire=True)

    async def run(self, work: Callable[[Connection], R]) -> R:
        async with self._turn:
            try:
                with anyio.fail_after(self._patience):
                    if self._connection is None or _is_dead(self._connection):
                        # SQLAlchemy forgets connections that are cancelled while it makes them.
                        await cancelled_once(self._connect, grace=CLOSING_PATIENCE)
                    return await cancelled_once(self._run, self._connection, work)
            except BaseException as error:
                # Whatever state it is in, nobody should find out: the server undoes what was not committed.
                if not (self._database.keeps_connections and isinstance(error, Exception)):
                    await self._drop(broken=True)
                if isinstance(error, TimeoutError) or not isinstance(error, Exception):
                    await self._kill()
                raise

    async def close(self) -> None:
        await self._drop(broken=False)

    async def _run(self, connection: AsyncConnection, work: Callable[[Connection], R]) -> R:
        result = await connection.run_sync(work)
        if not self._keep:
            await connection.close()
            self._connection = None
        return result

    async def _connect(self) -> None:
        while self._connection is None or _is_dead(self._connection):  # a pool may have others that are
            await self._drop(broken=True)
            self._connection = await self._engine.connect()
        await self._connection.run_sync(self._configured)
        self._killing = await self._connection.run_sync(self._database.killing)

    async def _drop(self, *, broken: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with anyio.move_on_after(CLOSING_PATIENCE, shield=True):
            if broken and not connection.closed:
                await connection.invalidate()
            await connection.close()

    async def _kill(self) -> None:
        """End what a server goes on with although nobody is there any more, and may hold locks for."""
        killing, self._killing = self._killing, None
        if killing is None:
            return
        with anyio.move_on_after(CLOSING_PATIENCE, shield=True), suppress(Exception):  # it has ended, or will
            async with self._engine.connect() as connection:
                await connection.exec_driver_sql(killing)


def _is_dead(connection: AsyncConnection) -> bool:
    """Whether the driver knows already that the server has hung up, so that no request need be lost to find out."""
    if connection.closed or connection.invalidated:
        return True
    raw: Any = connection.sync_connection and connection.sync_connection.connection.driver_connection
    is_closed = getattr(raw, "is_closed", None)
    return bool(is_closed()) if callable(is_closed) else False
