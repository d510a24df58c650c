from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine

from taskshed.datastores._places import no_secret

# The driver of a URL that names none; "postgres" is what some hosting providers write.
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "mysql": "mysql+asyncmy",
    "mariadb": "mariadb+asyncmy",
}
_BACKENDS = ("sqlite", "postgresql", "mysql", "mariadb")
_EXAMPLES = "sqlite:///tasks.db, postgresql://user@host/database or mysql://user@host/database"


class SQLConfig(msgspec.Struct, kw_only=True, frozen=True):
    """Where an SQL datastore is and how it is used. Its text shows no password.

    Attributes:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite://` (gone when it closes),
            `postgresql://user:password@host/database`, `mysql://…` or `mariadb://…`.
        engine: your own SQLAlchemy `Engine` or `AsyncEngine` instead of a URL; it is never disposed of. Each
            transaction borrows a connection from its pool.
        table_prefix: begins the names of the tables.
        schema: the PostgreSQL schema of the tables; None is the connection's own.
        create_tables: whether tables that are absent are created, and those of an older TaskShed brought up to date.
        pool_size: connections kept for work when a URL is given: one writes, the others read; of 1, it does both.
            PostgreSQL has one more that listens.
        timeout: how long a server may take for one transaction before it counts as out of reach.
        busy_timeout: how long SQLite waits for another process's write before it gives up.
        poll_interval: how often the database is asked for changes made elsewhere. Default: 250 ms for SQLite, where it
            costs least; 400 ms where there is no `LISTEN`; 10 s beside it, to see that it still works.
    """

    url: str | URL | None = None
    engine: Engine | AsyncEngine | None = None
    table_prefix: str = "taskshed_"
    schema: str | None = None
    create_tables: bool = True
    pool_size: int = 2
    timeout: timedelta = timedelta(seconds=30)
    busy_timeout: timedelta = timedelta(seconds=10)
    poll_interval: timedelta | None = None

    def __post_init__(self) -> None:
        if (self.url is None) == (self.engine is None):
            raise ValueError("give either a url or an engine")
        _check_identifier("table_prefix", self.table_prefix)
        if len(self.table_prefix) > 40:
            raise ValueError(f"table_prefix has {len(self.table_prefix)} characters, at most 40 are allowed")
        if self.schema is not None:
            _check_identifier("schema", self.schema)
        if not isinstance(self.pool_size, int) or self.pool_size < 1:
            raise ValueError(f"pool_size must be at least 1, not {self.pool_size!r}")
        for name in ("timeout", "busy_timeout", "poll_interval"):
            duration = getattr(self, name)
            if duration is not None and duration <= timedelta(0):
                raise ValueError(f"{name} must be positive, not {duration!r}")
        backend = self.parsed_url().get_backend_name()
        if backend not in _BACKENDS:
            raise ValueError(f"no SQL datastore for {backend}; use {_EXAMPLES}")
        if self.schema is not None and backend != "postgresql":
            raise ValueError(f"schema is for PostgreSQL, not for {backend}; leave it out or use table_prefix")

    def __repr__(self) -> str:
        default = SQLConfig(url="sqlite://")
        shown = {
            name: getattr(self, name)
            for name in self.__struct_fields__
            if name not in ("url", "engine") and getattr(self, name) != getattr(default, name)
        }
        settings = "".join(f", {name}={value!r}" for name, value in shown.items())
        return f"SQLConfig({self.place!r}{settings})"

    @property
    def place(self) -> str:
        """The database, for people; without user, password and options, which may hold secrets too."""
        url = self.parsed_url()
        host, database = url.host or "", url.database or ""
        if url.get_backend_name() != "sqlite":  # whose name of a file is never part of a password
            host, database = no_secret(host, "="), no_secret(database, ":=")
        where = f"{host}:{url.port}" if url.port else host
        return f"{url.get_backend_name()}://{where}/{database}"

    def parsed_url(self) -> URL:
        """The URL, taken apart, with a driver.

        Raises:
            ValueError: it is none; it is not shown, for it may hold a password.
        """
        if self.engine is not None:
            return self.engine.url
        try:
            url = make_url(self.url)  # type: ignore[arg-type]  # checked when this was made
        except (ArgumentError, ValueError):
            raise ValueError(f"that is no database URL; it should look like {_EXAMPLES}") from None
        if "@" in (url.host or ""):
            raise ValueError("that URL has an @ too many; in a password, write %40 for it")
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        if url.drivername == "postgresql+asyncpg" and "sslmode" in url.query:
            # libpq's name for it, which is what most connection strings have.
            url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})
        return url


def _check_identifier(name: str, value: Any) -> None:
    if not isinstance(value, str) or not (value.isidentifier() and value.isascii()):
        raise ValueError(f"{name} must be letters, digits and underscores, not {value!r}")
