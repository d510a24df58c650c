"""Creates and drops databases on a server, through the drivers that the store uses too."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

DRIVERS = {"postgresql": "asyncpg", "mysql": "asyncmy", "mariadb": "asyncmy"}


def execute(url: str | URL, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements outside of transactions, on a connection of their own; returns the rows of the last one."""
    with ThreadPoolExecutor(1) as thread:  # the caller's thread may be running an event loop
        return thread.submit(asyncio.run, _execute(make_url(url), statements)).result()


async def _execute(url: URL, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - absent without the drivers' extras

    backend = url.get_backend_name()
    url = url.set(drivername=f"{backend}+{DRIVERS[backend]}")
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    rows: list[tuple[Any, ...]] = []
    try:
        async with engine.connect() as connection:
            for statement in statements:
                result = await connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
    finally:
        await engine.dispose()
    return rows


class DatabaseServer(ABC):
    """A server with a user who may create databases."""

    @property
    @abstractmethod
    def address(self) -> str:
        """The URL of the server and that user, and of a database to connect to for creating others."""

    def url(self, database: str) -> str:
        address = make_url(self.address)
        return address.set(drivername=address.get_backend_name(), database=database).render_as_string(False)

    def create_database(self, name: str) -> None:
        execute(self.address, f"CREATE DATABASE {name}")

    def drop_database(self, name: str) -> None:
        """Drop it, and end the connections to it that a test has left open."""
        if make_url(self.address).get_backend_name() == "postgresql":
            execute(self.address, f"DROP DATABASE {name} WITH (FORCE)")
            return
        # A transaction that is still open in one of them would have the server wait for a day.
        for (connection,) in execute(
            self.address, f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
        ):
            with suppress(DBAPIError):  # it has ended by itself
                execute(self.address, f"KILL {connection}")
        execute(self.address, f"DROP DATABASE {name}")


class GivenServer(DatabaseServer):
    """A server that somebody else runs."""

    def __init__(self, address: str) -> None:
        self._address = address

    @property
    def address(self) -> str:
        return self._address


@contextmanager
def a_database(server: DatabaseServer) -> Iterator[str]:
    """The URL of an empty database, for as long as it takes."""
    name = f"taskshed_test_{uuid4().hex[:12]}"
    server.create_database(name)
    try:
        yield server.url(name)
    finally:
        server.drop_database(name)
