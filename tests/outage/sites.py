"""A database server to trouble, the same way whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import anyio
from anyio import to_thread
from anyio.from_thread import start_blocking_portal
from servers._databases import DRIVERS, execute
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from taskshed._clock import SystemClock
from taskshed.datastores import SQLConfig, SQLDataStore
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores._sql._storage import SQLStorage

PASSWORD = "s3cret-pa55"
TOMORROW = datetime.now(UTC) + timedelta(days=1)
HOUR = timedelta(hours=1)


async def comes_true(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for it; a `TimeoutError` says that it was in vain."""
    with anyio.fail_after(seconds):
        while not await condition():  # noqa: ASYNC110 - it comes true on a server
            await anyio.sleep(0.02)


class Site(ABC):
    """A server of one test's own with a database `tasks`, which belongs to a user `ada` with a password.

    Attributes:
        ours: the connections of the stores under test.
        busy: those of them that do something, or have a transaction open.
        hang_up_on: ends a connection.
        stop: ends what a connection does.
        allow_few: lets ada have no connection, or one.
        allow_many: lets her have more.
        lock_all: has everybody wait who wants to read or write tasks.
        lock_one: has everybody wait who wants to add the task `blocked`.
    """

    ours: ClassVar[str]
    busy: ClassVar[str]
    hang_up_on: ClassVar[str]
    stop: ClassVar[str]
    allow_few: ClassVar[str]
    allow_many: ClassVar[str]
    lock_all: ClassVar[tuple[str, ...]]
    lock_one: ClassVar[tuple[str, ...]]

    def __init__(self, server: PostgresServer | MariaDBServer, *preparations: str) -> None:
        self.server = server
        execute(self.administration, *preparations)

    @property
    @abstractmethod
    def administration(self) -> str:
        """The administrator's URL."""

    @property
    def url(self) -> str:
        return self.url_with()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server.port}/tasks"

    def url_with(self, **parts: Any) -> str:
        """Ada's URL of the database, with other parts."""
        url = make_url(self.server.url("tasks")).set(**({"username": "ada", "password": PASSWORD} | parts))
        return url.render_as_string(hide_password=False)

    def store(self, **settings: Any) -> SQLDataStore:
        return SQLDataStore(SQLConfig(**({"url": self.url} | settings)))

    @asynccontextmanager
    async def storage(self, **settings: Any) -> AsyncIterator[HostedStorage]:
        """What is inside a store, where a call can be cancelled in its middle."""
        storage = HostedStorage(SQLStorage(SQLConfig(url=self.url, **settings)))
        await storage.open(SystemClock())
        try:
            yield storage
        finally:
            await storage.close()

    async def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the administrator."""
        return await to_thread.run_sync(execute, self.administration, *statements)

    async def count(self, connections: str) -> int:
        return len(await self.execute(connections))

    async def becomes(self, connections: str, number: int, seconds: float = 20) -> None:
        """Wait until there are that many."""

        async def is_so() -> bool:
            return await self.count(connections) == number

        await comes_true(is_so, seconds)

    async def each(self, connections: str, do: str) -> None:
        """Do something to each of these connections, such as to hang up on it."""
        for (connection,) in await self.execute(connections):
            with suppress(DBAPIError):  # it has ended by itself
                await self.execute(do.format(connection))

    async def hang_up(self) -> None:
        """End all connections of the stores under test; those that they make then are others."""
        before = set(await self.execute(self.ours))
        await self.each(self.ours, self.hang_up_on)

        async def are_gone() -> bool:
            return not before & set(await self.execute(self.ours))

        await comes_true(are_gone)

    @asynccontextmanager
    async def held(self, *statements: str) -> AsyncIterator[None]:
        """Keep what these statements have locked, on a connection of the administrator's."""
        url = make_url(self.administration)
        url = url.set(drivername=f"{url.drivername}+{DRIVERS[url.drivername]}")
        engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with start_blocking_portal() as portal:
            connection: AsyncConnection = portal.call(engine.connect)
            try:
                for statement in statements:
                    portal.call(connection.execute, text(statement))
                yield
            finally:
                portal.call(connection.close)

    @abstractmethod
    async def set_read_only(self, value: bool) -> None: ...
