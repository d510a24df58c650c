from typing import Any

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from taskshed._clock import ambient_clock
from taskshed._records import Record, thaw
from taskshed.datastores._actor import DataStore
from taskshed.datastores._base import Storage
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores._sql._caller import run_on
from taskshed.datastores._sql._config import SQLConfig
from taskshed.datastores._sql._engines import check_driver, dialect_of, is_sqlite, make_database
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._sql._storage import SQLStorage
from taskshed.datastores._sql._versions import current_version
from taskshed.datastores.commands import Add, Added, ById
from taskshed.models import Task


class SQLDataStore(DataStore):
    """Keeps tasks in an SQL database: PostgreSQL, MySQL or MariaDB for any number of machines, SQLite for one.

    Args:
        config: an `SQLConfig`, or just its URL or engine. An SQLite file and its folder are made if absent.

    Raises:
        ValueError: the URL is none, or of a database that is not supported.
        MissingDriverError: its driver is not installed.
    """

    def __init__(self, config: SQLConfig | str | URL | Engine | AsyncEngine) -> None:
        if isinstance(config, str | URL):
            config = SQLConfig(url=config)
        elif isinstance(config, Engine | AsyncEngine):
            config = SQLConfig(engine=config)
        elif not isinstance(config, SQLConfig):
            raise TypeError(f"config must be an SQLConfig, a URL or an SQLAlchemy engine, not {type(config).__name__}")
        if config.engine is None:
            check_driver(config.parsed_url())
        self._config = config
        storage = SQLStorage(config)
        server_time = not is_sqlite(config.parsed_url())
        super().__init__(_hosted(storage, config), readers=storage.readers, server_time=server_time)

    async def add_within(self, connection: Any, command: Add) -> tuple[Added, list[Task]]:
        if self._writes is None:
            raise self._not_running()
        database = make_database(self._config, ambient_clock())

        def work(connection: Connection) -> tuple[Added, list[Record]]:
            answer = database.join(connection, command)
            return answer, database.fetch(connection, ById(answer.kept)) if answer.kept else []

        answer, kept = await run_on(connection, work)
        return answer, [thaw(record) for record in kept]

    @staticmethod
    def ddl(dialect: str, *, table_prefix: str = "taskshed_", schema: str | None = None) -> str:
        """The statements that create the tables, for those who apply them on their own.

        Args:
            dialect: "postgresql", "mysql", "mariadb" or "sqlite".
            table_prefix, schema: as in `SQLConfig`.

        Raises:
            ValueError: there is no such dialect.
        """
        config = SQLConfig(url=f"{dialect}://", table_prefix=table_prefix, schema=schema)
        made: Any = dialect_of(config.parsed_url())()
        return Schema(table_prefix, dialect, schema).ddl(made, current_version())


def _hosted(storage: SQLStorage, config: SQLConfig) -> Storage:
    if isinstance(config.engine, AsyncEngine):
        # A pool's idle connections would outlive the loop that they belong to. The engine can be used again.
        return HostedStorage(storage, farewell=config.engine.dispose)
    if config.engine is None and dialect_of(config.parsed_url()).is_async:
        return HostedStorage(storage)
    return storage
