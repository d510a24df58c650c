"""An SQL datastore on SQLite.

One thread and one connection write, another pair reads: a transaction is one hop, and in SQLite's
write-ahead log neither keeps the other waiting. Other processes on the same file are noticed by
`PRAGMA data_version`, a number that changes when somebody else commits.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from taskshed._clock import Clock, duration_micros, sleep_until
from taskshed._records import Record
from taskshed._thread import OwnThread
from taskshed.datastores._actor import DataStore
from taskshed.datastores._base import Notice
from taskshed.datastores._sql import _operations as operations
from taskshed.datastores._sql import _sqlite as sqlite
from taskshed.datastores._sql._config import SQLConfig
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._sql._statements import Statements
from taskshed.datastores.commands import Claim, Claimed, Command, Selection

R = TypeVar("R")


class _Lane:
    """A connection that only its own thread touches."""

    def __init__(self, connect: Callable[[], Connection], name: str) -> None:
        self._connect = connect
        self._thread = OwnThread(name)
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], R]) -> R:
        return await self._thread.run(lambda: work(self._open()))

    async def close(self) -> None:
        await self._thread.run(self._disconnect)
        self._thread.stop()

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SQLiteStorage:
    """Tasks in an SQLite file that any number of processes on this machine share."""

    def __init__(self, config: SQLConfig) -> None:
        self._url = config.parsed_url()
        self._busy_timeout = config.busy_timeout / timedelta(seconds=1)
        self._poll_interval = duration_micros(config.poll_interval)
        self._schema = Schema(config.table_prefix)
        self._statements = Statements(self._schema)
        self._private = sqlite.is_private(self._url)

    async def open(self, clock: Clock) -> None:
        self._clock = clock
        self._writer = _Lane(self._connect, "taskshed-sqlite-writer")
        self._reader = self._writer if self._private else _Lane(self._connect, "taskshed-sqlite-reader")
        try:
            await self._writer.run(self._prepare)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self._writer.close()
        if self._reader is not self._writer:
            await self._reader.close()

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        return await self._writer.run(lambda connection: self._execute(connection, commands))

    async def fetch(self, selection: Selection) -> list[Record]:
        return await self._reader.run(lambda connection: self._fetch(connection, selection))

    async def watch(self, notice: Notice) -> None:
        if self._private:
            return
        # Asked of the writer, whose own commits do not count.
        seen = await self._writer.run(_data_version)
        while True:
            await sleep_until(self._clock, self._clock.monotonic() + self._poll_interval)
            version = await self._writer.run(_data_version)
            if version != seen:
                seen = version
                earliest = await self._reader.run(self._next_due)
                if earliest is not None:
                    await notice(earliest)

    def _connect(self) -> Connection:
        with sqlite.errors_of(self._url):
            sqlite.make_parent_folder(self._url)
            return sqlite.make_engine(self._url, self._busy_timeout).connect()

    def _prepare(self, connection: Connection) -> None:
        with sqlite.errors_of(self._url):
            sqlite.use_write_ahead_log(connection, self._busy_timeout)
            with sqlite.write_transaction(connection):
                self._schema.prepare(connection)

    def _execute(self, connection: Connection, commands: Sequence[Command[Any]]) -> list[Any]:
        with sqlite.errors_of(self._url):
            if all(isinstance(command, Claim) for command in commands):
                # A worker that looks in vain should not take the lock from those who write.
                now, next_due = self._clock.now(), self._next_due(connection)
                if next_due is None or next_due > now:
                    return [Claimed(now, (), next_due) for _ in commands]
            with sqlite.write_transaction(connection):
                now = self._clock.now()
                return [operations.carry_out(connection, self._statements, now, command) for command in commands]

    def _fetch(self, connection: Connection, selection: Selection) -> list[Record]:
        with sqlite.errors_of(self._url), sqlite.read_transaction(connection):
            return operations.fetch(connection, self._statements, selection)

    def _next_due(self, connection: Connection) -> int | None:
        with sqlite.errors_of(self._url), sqlite.read_transaction(connection):
            return operations.next_due(connection, self._statements)


class SQLDataStore(DataStore):
    """Keeps tasks in an SQL database: an SQLite file, shared by any number of processes of one machine.

    Args:
        config: an `SQLConfig`, or just its URL, such as `sqlite:///tasks.db`; file and folder are made if absent.

    Raises:
        ValueError: the URL is none, or of a database that is not supported.
    """

    def __init__(self, config: SQLConfig | str) -> None:
        if isinstance(config, str):
            config = SQLConfig(url=config)
        super().__init__(SQLiteStorage(config))


def _data_version(connection: Connection) -> int:
    with sqlite.read_transaction(connection):
        version: int = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return version
