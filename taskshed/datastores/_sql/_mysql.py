"""MySQL and MariaDB: row locks taken in one order, and no statement that locks what it does not change."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import msgspec
from sqlalchemy import Connection, Insert, Select, text
from sqlalchemy.dialects.mysql import dialect, insert
from sqlalchemy.exc import DBAPIError, IntegrityError

from taskshed._clock import Clock
from taskshed.datastores._sql._database import check_version
from taskshed.datastores._sql._errors import driver_error, reason_of, trouble_on_the_way, trouble_without_code
from taskshed.datastores._sql._locking import LockingDatabase
from taskshed.datastores._sql._schema import Schema, collation, is_mariadb
from taskshed.datastores._trouble import Kind, Trouble
from taskshed.datastores.commands import Add, Added, InGroup, Paged, Selection
from taskshed.models import MAX_NAME_LENGTH

_NOW = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
# A number that the server never gives twice, without a lock and without a round trip of its own. The highest bit
# comes from the server's id and would not fit into a BIGINT.
_TOKEN = "UUID_SHORT() & 0x7FFFFFFFFFFFFFFF"  # noqa: S105 - a fencing token, no secret

_LOCK_TIMEOUT = 60  # seconds
_JOIN_ATTEMPTS = 3

_KINDS: dict[int, Kind] = {
    1040: "unavailable",  # too many connections
    1044: "refused",
    1045: "refused",  # wrong password
    1049: "refused",  # no such database
    1054: "format",  # a column is missing
    1053: "lost",  # the server is shutting down
    1062: "again",  # somebody else inserted it just now
    1114: "unavailable",  # no space left
    1142: "refused",  # no permission
    1146: "format",  # a table is missing
    1203: "unavailable",  # too many connections of this user
    1205: "again",  # waited too long for a lock
    1213: "again",  # deadlock
    1226: "unavailable",  # the same
    1290: "unavailable",  # read-only, as a replica is after a failover
    1317: "unavailable",  # an administrator stopped it
    1792: "unavailable",
    1836: "unavailable",
    1927: "lost",
    2002: "unavailable",
    2003: "unavailable",  # nobody answers there
    2006: "lost",
    2013: "lost",
    2014: "lost",
    2055: "lost",
    4031: "lost",  # closed for having been idle
}


class MySQL(LockingDatabase):
    """MySQL 8.0.14, MariaDB 10.6, and newer."""

    isolation_level = "READ COMMITTED"  # at the default one, a claim would block those who insert

    def __init__(self, schema: Schema, clock: Clock) -> None:
        super().__init__(schema, clock)
        tasks = dialect().identifier_preparer.format_table(schema.tasks)
        self._tasks = tasks
        self._now_and_token = text(f"SELECT {_NOW}, {_TOKEN}")
        self._now = text(f"SELECT {_NOW}")

    def configure(self, connection: Connection) -> None:
        check_version(connection, *((10, 6) if is_mariadb(connection.dialect) else (8, 0, 14)))
        if self.patience is not None and is_mariadb(connection.dialect):
            connection.exec_driver_sql(f"SET SESSION idle_transaction_timeout = {ceil(self.patience)}")
            connection.commit()
        # Without its own character set, a name would have the one that the database happens to have.
        name = f"VARCHAR({MAX_NAME_LENGTH}) CHARACTER SET utf8mb4 COLLATE {collation(connection.dialect)}"
        names = {"tasks": self._tasks, "name": name}
        self._move = text(_MOVE.format_map(names))
        self._settle = text(_SETTLE.format_map(names))

    def killing(self, connection: Connection) -> str | None:
        thread_id = getattr(connection.connection.driver_connection, "thread_id", None)
        return f"KILL {thread_id()}" if callable(thread_id) else None

    def begin(self, connection: Connection) -> None:
        """The first statement begins."""

    def commit(self, connection: Connection) -> None:
        connection.commit()

    def roll_back(self, connection: Connection) -> None:
        connection.rollback()

    @contextmanager
    def alone(self, connection: Connection) -> Iterator[None]:
        name = f"taskshed.{connection.engine.url.database}.{self.schema.prefix}"[:64]
        if not connection.execute(
            text("SELECT GET_LOCK(:name, :wait)"), {"name": name, "wait": _LOCK_TIMEOUT}
        ).scalar():
            raise Trouble("unavailable", f"somebody else has held the lock {name!r} for {_LOCK_TIMEOUT} s")
        with self.transaction(connection):
            yield
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})
        connection.commit()

    def join(self, connection: Connection, command: Add) -> Added:
        for _ in range(_JOIN_ATTEMPTS):
            try:
                with connection.begin_nested():
                    return super().join(connection, command)
            except IntegrityError:
                continue  # somebody inserted one of them after we had looked, and now it can be seen
        return super().join(connection, command)

    def trouble(self, error: BaseException) -> Trouble | None:
        if trouble := trouble_on_the_way(error):
            return trouble
        number = next(iter(driver_error(error).args), None)
        if not isinstance(error, DBAPIError) or not isinstance(number, int) or not number:
            return trouble_without_code(error)
        return Trouble(_KINDS.get(number, "refused"), reason_of(error))

    def looking(self, selection: Selection) -> Select[Any]:
        query = super().looking(selection)
        return self._by_group(query) if isinstance(selection, InGroup) else query

    def members(self, selection: Paged) -> Select[Any]:
        query = super().members(selection)
        return self._by_group(query) if isinstance(selection, InGroup) else query

    def _by_group(self, query: Select[Any]) -> Select[Any]:
        # If a group is large, it would rather go through all tasks, and for a moment lock those of others too.
        return query.with_hint(self.tasks, f"FORCE INDEX ({self.schema.prefix}tasks_group)")

    def now(self, connection: Connection) -> int:
        now: int = connection.execute(self._now).scalar_one()
        return now

    def now_and_token(self, connection: Connection) -> tuple[int, int]:
        now, token = connection.execute(self._now_and_token).one()
        return now, token

    def replacing(self) -> Insert:
        statement = insert(self.tasks)
        fresh = {column.name: statement.inserted[column.name] for column in self.tasks.c if not column.primary_key}
        return statement.on_duplicate_key_update(fresh)

    def write_settled(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        connection.execute(self._settle, {"rows": msgspec.json.encode(rows).decode()})

    def write_moved(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        connection.execute(self._move, {"rows": msgspec.json.encode(rows).decode()})


# STRAIGHT_JOIN: the rows given are few and the tasks may be many, whatever the statistics say of it.
_MOVE = """
    UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
        task_id {name} PATH '$.task_id', run_at BIGINT PATH '$.run_at'
    )) AS given
    STRAIGHT_JOIN {tasks} AS tasks ON tasks.task_id = given.task_id
    SET tasks.run_at = given.run_at,
        tasks.due = CASE WHEN tasks.paused_at IS NULL THEN given.run_at END,
        tasks.attempts = 0, tasks.failed_at = NULL, tasks.leased_until = NULL,
        tasks.cancelled_at = NULL, tasks.token = 0
"""
_SETTLE = """
    UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
        task_id {name} PATH '$.task_id', run_at BIGINT PATH '$.run_at', due BIGINT PATH '$.due',
        attempts INT PATH '$.attempts', error LONGTEXT CHARACTER SET utf8mb4 PATH '$.error',
        progress LONGTEXT CHARACTER SET utf8mb4 PATH '$.progress', failed_at BIGINT PATH '$.failed_at'
    )) AS given
    STRAIGHT_JOIN {tasks} AS tasks ON tasks.task_id = given.task_id
    SET tasks.run_at = given.run_at,
        tasks.due = CASE WHEN tasks.paused_at IS NULL THEN given.due END,
        tasks.attempts = given.attempts, tasks.error = coalesce(given.error, tasks.error),
        tasks.progress = given.progress, tasks.failed_at = given.failed_at, tasks.leased_until = NULL,
        tasks.cancelled_at = NULL, tasks.token = 0
"""
