"""An SQL database behind the storage protocol."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import anyio
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from taskshed._clock import Clock, duration_micros
from taskshed._records import Record
from taskshed.datastores._base import Notice
from taskshed.datastores._sql import _watching as watching
from taskshed.datastores._sql._config import SQLConfig
from taskshed.datastores._sql._engines import is_sqlite, make_database, make_engine
from taskshed.datastores._sql._lanes import AsyncLane, Lane, ThreadLane
from taskshed.datastores._sql._postgresql import PostgreSQL
from taskshed.datastores._sql._sqlite import data_version, is_private, make_parent_folder
from taskshed.datastores._sql._tables import Sight
from taskshed.datastores._sql._versions import prepare
from taskshed.datastores._trouble import UNCHANGED, UNKNOWN, Trouble
from taskshed.datastores.commands import Command, Selection

R = TypeVar("R")

_ATTEMPTS = 10  # at a transaction that others get in the way of
_SECOND = timedelta(seconds=1)


class SQLStorage:
    """Tasks in an SQL database that any number of processes share.

    One lane writes and the others read, so that a long look keeps nobody from writing.

    Attributes:
        readers: how many reads can be under way at once.
    """

    def __init__(self, config: SQLConfig) -> None:
        self._config = config
        self._url = config.parsed_url()
        self._sqlite = is_sqlite(self._url)
        self._private = self._sqlite and is_private(self._url)
        self._origin = uuid4().hex[:16]
        self.readers = 1 if self._private else max(1, config.pool_size - 1)

    async def open(self, clock: Clock) -> None:
        self._clock = clock
        self._database = make_database(self._config, clock)
        with self._errors():
            if self._sqlite:
                make_parent_folder(self._url)
            self._engine = self._config.engine or make_engine(self._url)
        self._open_lanes()
        try:
            await self._run(self._writer, self._prepare)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            for lane in self._lanes:
                await lane.close()
            self._give.close()
            self._take.close()
            if self._config.engine is None:
                if isinstance(self._engine, AsyncEngine):
                    await self._engine.dispose()
                else:
                    self._engine.dispose()

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        began: bool

        def work(connection: Connection) -> list[Any]:
            nonlocal began
            began = True
            return self._database.execute(connection, commands, self._origin)

        for left in reversed(range(_ATTEMPTS)):
            began = False
            try:
                with self._troubles():
                    return await self._writer.run(work)
            except Trouble as trouble:
                if trouble.kind != "again" or not left:
                    effect = UNKNOWN if began and trouble.leaves_doubt else UNCHANGED
                    raise trouble.error(self._config.place, effect) from trouble.__cause__
        raise AssertionError("unreachable")

    async def fetch(self, selection: Selection) -> list[Record]:
        return await self._read(lambda connection: self._database.fetch(connection, selection))

    async def watch(self, notice: Notice) -> None:
        if self._private:
            return
        with self._errors():
            if isinstance(self._database, PostgreSQL) and watching.can_listen(self._engine):
                listener = watching.Listener(self._engine, self._database, self._patience)
                interval = self._interval(10 * _SECOND)
                await watching.by_listening(listener, self._origin, self._clock, interval, notice)
            elif self._sqlite:
                interval = self._interval(_SECOND / 4)
                await watching.by_version(self._version, self._look, self._clock, interval, notice)
            else:
                await watching.by_looking(self._look, self._clock, self._interval(0.4 * _SECOND), notice)

    def _open_lanes(self) -> None:
        self._writer = self._lane("writer")
        alone = self._private or self._config.pool_size == 1
        readers = [self._writer] if alone else [self._lane("reader") for _ in range(self.readers)]
        self._lanes = {self._writer, *readers}
        self._give, self._take = anyio.create_memory_object_stream[Lane](len(readers))
        for lane in readers:
            self._give.send_nowait(lane)

    def _lane(self, name: str) -> Lane:
        # Of somebody else's pool only as much is used as there is work, but SQLite's version is a connection's own.
        keep = self._config.engine is None or self._sqlite
        if isinstance(self._engine, AsyncEngine):
            return AsyncLane(self._engine, self._database, keep=keep, patience=self._patience)
        return ThreadLane(self._engine, self._database, keep=keep, name=f"taskshed-sql-{name}")

    @property
    def _patience(self) -> float:
        return self._config.timeout / _SECOND

    def _interval(self, default: timedelta) -> int:
        return duration_micros(self._config.poll_interval or default)

    def _prepare(self, connection: Connection) -> None:
        with self._database.alone(connection):
            prepare(connection, self._database.schema, create=self._config.create_tables)

    async def _version(self) -> int:
        # Asked of the writer, whose own commits do not count.
        return await self._run(self._writer, data_version)

    async def _look(self) -> Sight:
        return await self._read(self._database.sight)

    async def _read(self, look: Callable[[Connection], R]) -> R:
        def work(connection: Connection) -> R:
            with self._database.reading(connection):
                return look(connection)

        lane = await self._take.receive()
        try:
            for left in reversed(range(_ATTEMPTS)):
                try:
                    with self._troubles():
                        return await lane.run(work)
                except Trouble as trouble:
                    if trouble.kind not in ("again", "lost") or not left:
                        raise trouble.error(self._config.place, UNCHANGED) from trouble.__cause__
        finally:
            self._give.send_nowait(lane)
        raise AssertionError("unreachable")

    async def _run(self, lane: Lane, work: Callable[[Connection], R]) -> R:
        with self._errors():
            return await lane.run(work)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with self._troubles():
                yield
        except Trouble as trouble:
            raise trouble.error(self._config.place, UNCHANGED) from trouble.__cause__

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            trouble = self._database.trouble(error)
            if trouble is None:
                raise
            raise trouble from error
