"""The tables, and whether those that are there are ours."""

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, String, Table, Text, inspect, select

from taskshed.errors import DatastoreFormatError
from taskshed.models import MAX_NAME_LENGTH

SCHEMA_VERSION = 1


class Schema:
    """TaskShed's tables under a prefix.

    `due` is `Record.due`, kept as a column so that it can be indexed.
    """

    def __init__(self, prefix: str) -> None:
        self.metadata = MetaData()
        self.meta = Table(  # one row
            f"{prefix}meta",
            self.metadata,
            Column("schema_version", Integer, nullable=False),
            Column("last_token", BigInteger, nullable=False),
        )
        self.tasks = Table(
            f"{prefix}tasks",
            self.metadata,
            Column("task_id", String(MAX_NAME_LENGTH), primary_key=True),
            Column("group_id", String(MAX_NAME_LENGTH)),
            Column("body", Text, nullable=False),
            Column("run_at", BigInteger, nullable=False),
            Column("paused_at", BigInteger),
            Column("leased_until", BigInteger),
            Column("failed_at", BigInteger),
            Column("token", BigInteger, nullable=False),
            Column("attempts", Integer, nullable=False),
            Column("error", Text),
            Column("due", BigInteger),
        )
        Index(f"{prefix}tasks_due", self.tasks.c.due)
        Index(f"{prefix}tasks_group", self.tasks.c.group_id, self.tasks.c.task_id)

    def prepare(self, connection: Connection) -> None:
        """Create the tables, or see that those that exist are usable; in a transaction that excludes other writers.

        Raises:
            DatastoreFormatError: they are not TaskShed's, or a newer TaskShed's.
        """
        existing = set(inspect(connection).get_table_names()) & {self.meta.name, self.tasks.name}
        if not existing:
            self.metadata.create_all(connection)
            connection.execute(self.meta.insert().values(schema_version=SCHEMA_VERSION, last_token=0))
            return
        version = self._version(connection) if len(existing) == 2 else None
        if version is None:
            raise DatastoreFormatError(
                f"the tables {', '.join(sorted(existing))} exist but are not TaskShed's; choose another table_prefix"
            )
        if version > SCHEMA_VERSION:
            raise DatastoreFormatError(
                f"the tables are of schema version {version}, this TaskShed knows up to {SCHEMA_VERSION}; upgrade it"
            )
        # A database that may only be read says so here, and not when the first task is due.
        connection.execute(self.meta.update().values(schema_version=version))

    def _version(self, connection: Connection) -> int | None:
        columns = {column["name"] for column in inspect(connection).get_columns(self.meta.name)}
        if not columns.issuperset(self.meta.c.keys()):
            return None
        version = connection.execute(select(self.meta.c.schema_version)).scalar()
        return version if isinstance(version, int) else None
