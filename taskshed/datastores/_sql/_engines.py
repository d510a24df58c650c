"""Engines: the user's own, or one made from a URL, with its driver."""

from datetime import timedelta
from typing import Any

from sqlalchemy import URL, Dialect, Engine, create_engine
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from taskshed._clock import Clock
from taskshed.datastores._sql._config import SQLConfig
from taskshed.datastores._sql._database import Database
from taskshed.datastores._sql._mysql import MySQL
from taskshed.datastores._sql._postgresql import PostgreSQL
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._sql._sqlite import SQLite
from taskshed.errors import MissingDriverError

_LONGEST_IDLE = timedelta(seconds=5)
_EXTRAS = {"asyncpg": "postgresql", "asyncmy": "mysql"}
_CONNECT_ARGS: dict[str, dict[str, Any]] = {"asyncpg": {"server_settings": {"application_name": "taskshed"}}}


def make_engine(url: URL) -> Engine | AsyncEngine:
    """An engine of our own. It has no pool, for whoever asks it for a connection keeps that."""
    dialect = dialect_of(url)
    if dialect.is_async:
        return create_async_engine(url, poolclass=NullPool, connect_args=_CONNECT_ARGS.get(dialect.driver, {}))
    return create_engine(url, poolclass=NullPool)


def dialect_of(url: URL) -> type[Dialect]:
    """What speaks to the database: on asyncio if it can.

    Raises:
        ValueError: SQLAlchemy knows no such driver.
    """
    try:
        return url.get_dialect().get_async_dialect_cls(url)
    except NoSuchModuleError:
        raise ValueError(f"there is no driver {url.drivername!r}; leave it out of the URL for the usual one") from None


def check_driver(url: URL) -> None:
    """See that the driver is installed.

    Raises:
        MissingDriverError: it is not.
    """
    dialect = dialect_of(url)
    try:
        dialect.import_dbapi()
    except ImportError as error:
        extra = _EXTRAS.get(dialect.driver)
        install = f"taskshed[{extra}]" if extra else error.name
        raise MissingDriverError(
            f"{url.drivername} needs {error.name}, which is not installed: pip install '{install}'", name=error.name
        ) from error


def make_database(config: SQLConfig, clock: Clock) -> Database:
    """What speaks the SQL of the configured database."""
    backend = config.parsed_url().get_backend_name()
    schema = Schema(config.table_prefix, backend, config.schema)
    match backend:
        case "sqlite":
            return SQLite(schema, clock, config.busy_timeout)
        case "postgresql":
            database: Database = PostgreSQL(schema, clock)
        case _:
            database = MySQL(schema, clock)
    if config.engine is None:  # somebody else's connections are left as they are
        database.patience = min(config.timeout, _LONGEST_IDLE) / timedelta(seconds=1)
    return database


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"
