"""A database server, with its statements and locks."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

from anyio import to_thread
from anyio.from_thread import start_blocking_portal
from outage.sites import PASSWORD, Site, comes_true
from servers._databases import DRIVERS, execute
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from taskshed.datastores import SQLConfig, SQLDataStore
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores._sql._storage import SQLStorage


class SQLSite(Site):
    """A server with a database `tasks`, which belongs to ada.

    Attributes:
        ours: the connections of the stores under test.
        busy: those of them that do something, or have a transaction open.
        end: ends a connection.
        stop: ends what a connection does.
        allow_few: lets ada have no connection, or one.
        allow_many: lets her have more.
        lock_all: has everybody wait who wants to read or write tasks.
        lock_one: has everybody wait who wants to add the task `blocked`.
        guest: makes somebody who may do nothing, or only look.
    """

    ours: ClassVar[str]
    busy: ClassVar[str]
    end: ClassVar[str]
    stop: ClassVar[str]
    allow_few: ClassVar[str]
    allow_many: ClassVar[str]
    lock_all: ClassVar[tuple[str, ...]]
    lock_one: ClassVar[tuple[str, ...]]
    guest: ClassVar[tuple[str, ...]]

    def __init__(self, server: PostgresServer | MariaDBServer, *preparations: str) -> None:
        self.server: PostgresServer | MariaDBServer = server
        self.place = f"127.0.0.1:{server.port}/tasks"
        self._url = server.url("tasks")
        execute(self.administration, *preparations)

    @property
    @abstractmethod
    def administration(self) -> str:
        """The administrator's URL."""

    def url_with(self, **parts: Any) -> str:
        url = make_url(self._url).set(**({"username": "ada", "password": PASSWORD} | parts))
        return url.render_as_string(hide_password=False)

    def config(self, **settings: Any) -> SQLConfig:
        return SQLConfig(**({"url": self.url} | settings))

    def store(self, **settings: Any) -> SQLDataStore:
        return SQLDataStore(self.config(**settings))

    def new_storage(self, **settings: Any) -> HostedStorage:
        return HostedStorage(SQLStorage(self.config(**settings)))

    async def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the administrator."""
        return await to_thread.run_sync(execute, self.administration, *statements)

    async def let_in_guest(self) -> None:
        await self.execute(*self.guest)

    async def connections(self) -> set[Any]:
        return set(await self.execute(self.ours))

    async def busy_connections(self) -> set[Any]:
        return set(await self.execute(self.busy))

    async def hang_up_on(self, connection: Any) -> None:
        with suppress(DBAPIError):  # it has ended by itself
            await self.execute(self.end.format(*connection))

    async def becomes(self, connections: str, number: int, seconds: float = 20) -> None:
        """Wait until there are that many."""

        async def is_so() -> bool:
            return len(await self.execute(connections)) == number

        await comes_true(is_so, seconds)

    async def stop_busy(self) -> None:
        """End what the connections do."""
        for connection in await self.busy_connections():
            with suppress(DBAPIError):  # it has ended by itself
                await self.execute(self.stop.format(*connection))

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
