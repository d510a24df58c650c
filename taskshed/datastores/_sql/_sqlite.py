"""SQLite: one writer at a time, on this machine's clock."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import URL, BindParameter, Connection, Insert, bindparam, case, func, null, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError, OperationalError

from taskshed._clock import Clock
from taskshed.datastores._sql._database import check_version
from taskshed.datastores._sql._errors import reason_of, trouble_on_the_way
from taskshed.datastores._sql._locking import LockingDatabase
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._trouble import Kind, Trouble

# What SQLite says of a file that will never do, not even later.
_HOPELESS = ("file is not a database", "readonly database", "malformed", "file is encrypted")


def is_private(url: URL) -> bool:
    """Whether the database lives in one connection's memory."""
    return url.database in (None, "", ":memory:")


def make_parent_folder(url: URL) -> None:
    """Create the folder that the file will lie in."""
    if url.database and not is_private(url) and not url.database.startswith("file:"):
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def data_version(connection: Connection) -> int:
    """A number that changes when another connection has committed."""
    version: int = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return version


class SQLite(LockingDatabase):
    """SQLite 3.24 and newer, with a write-ahead log."""

    # pysqlite's own transactions begin too late to lock.
    isolation_level = "AUTOCOMMIT"
    keeps_connections: ClassVar[bool] = True

    def __init__(self, schema: Schema, clock: Clock, busy_timeout: timedelta) -> None:
        super().__init__(schema, clock)
        self._busy_timeout = busy_timeout / timedelta(seconds=1)
        self._next_token = update(schema.meta).values(last_token=schema.meta.c.last_token + 1)
        self._last_token = select(schema.meta.c.last_token)
        columns = self.tasks.c
        one = columns.task_id == bindparam("given_task_id")
        free: dict[str, Any] = {"leased_until": null(), "cancelled_at": null(), "token": 0}
        self._settle = (
            update(self.tasks)
            .where(one)
            .values(
                run_at=bindparam("given_run_at"),
                due=case((self._unpaused, bindparam("given_due"))),
                attempts=bindparam("given_attempts"),
                error=func.coalesce(bindparam("given_error"), columns.error),
                progress=bindparam("given_progress"),
                failed_at=bindparam("given_failed_at"),
                **free,
            )
        )
        run_at: BindParameter[int] = bindparam("given_run_at")
        due = case((self._unpaused, run_at))
        self._move = update(self.tasks).where(one).values(run_at=run_at, due=due, attempts=0, failed_at=null(), **free)

    def configure(self, connection: Connection) -> None:
        """Let readers and a writer work side by side; every commit is on the disk when it returns."""
        check_version(connection, 3, 24)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(self._busy_timeout * 1000)}")
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                break
            except OperationalError as error:
                # This one statement does not heed the busy timeout while other processes open the same new file.
                if "locked" not in str(error.orig) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        connection.exec_driver_sql("PRAGMA synchronous = FULL")

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # and hold the write lock from the start

    def commit(self, connection: Connection) -> None:
        try:
            connection.exec_driver_sql("COMMIT")
        except BaseException:  # the disk is full, say; the connection is kept, the transaction shall not be
            self.roll_back(connection)
            raise

    def roll_back(self, connection: Connection) -> None:
        connection.rollback()

    def alone(self, connection: Connection) -> AbstractContextManager[None]:
        return self.transaction(connection)

    def trouble(self, error: BaseException) -> Trouble | None:
        if trouble := trouble_on_the_way(error):
            return trouble
        if not isinstance(error, DBAPIError):
            return None
        reason = reason_of(error)
        if any(words in reason for words in _HOPELESS):
            return Trouble("format", f"{reason}; name a file that TaskShed may write")
        kind: Kind = "unavailable" if isinstance(error, OperationalError) else "format"
        return Trouble(kind, reason)

    def now(self, connection: Connection) -> int:
        return self.clock.now()

    def now_and_token(self, connection: Connection) -> tuple[int, int]:
        connection.execute(self._next_token)
        return self.clock.now(), connection.execute(self._last_token).scalar_one()

    def replacing(self) -> Insert:
        statement = insert(self.tasks)
        fresh = {column.name: statement.excluded[column.name] for column in self.tasks.c if not column.primary_key}
        return statement.on_conflict_do_update(index_elements=[self.tasks.c.task_id], set_=fresh)

    def write_settled(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        connection.execute(self._settle, [_given(row) for row in rows])

    def write_moved(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        connection.execute(self._move, [_given(row) for row in rows])


def _given(row: dict[str, Any]) -> dict[str, Any]:
    return {f"given_{name}": value for name, value in row.items() if name != "token"}
