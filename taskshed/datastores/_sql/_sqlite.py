"""A connection to an SQLite file, as TaskShed wants it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from taskshed.errors import DatastoreError, DatastoreFormatError, DatastoreUnavailableError

# What SQLite says of a file that will never do, not even later.
_HOPELESS = ("file is not a database", "readonly database", "malformed", "file is encrypted")


def is_private(url: URL) -> bool:
    """Whether the database lives in one connection's memory."""
    return url.database in (None, "", ":memory:")


def make_engine(url: URL, busy_timeout: float) -> Engine:
    """An engine whose connections leave transactions to us: pysqlite's own begin them too late to lock."""
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"timeout": busy_timeout})


def make_parent_folder(url: URL) -> None:
    """Create the folder that the file will lie in."""
    if url.database and not is_private(url) and not url.database.startswith("file:"):
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def use_write_ahead_log(connection: Connection, busy_timeout: float) -> None:
    """Let readers and a writer work side by side; every commit is on the disk when it returns."""
    deadline = time.monotonic() + busy_timeout
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


@contextmanager
def read_transaction(connection: Connection) -> Iterator[None]:
    """See one state of the database, and let go of it at the end."""
    try:
        yield
    finally:
        connection.rollback()


@contextmanager
def write_transaction(connection: Connection) -> Iterator[None]:
    """Hold the write lock from the start; commit at the end, or undo everything."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def errors_of(url: URL) -> Iterator[None]:
    """Turn what SQLite raises into errors that say which file and what to do."""
    place = f"SQLite file {url.database!r}"
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig)
        if any(words in reason for words in _HOPELESS):
            raise DatastoreFormatError(
                f"{place} cannot be used: {reason}; name a file that TaskShed may write"
            ) from error
        if isinstance(error, OperationalError):
            raise DatastoreUnavailableError(f"{place}: {reason}; nothing was changed") from error
        kind = DatastoreFormatError if isinstance(error, DatabaseError) else DatastoreError
        raise kind(f"{place}: {reason}") from error
    except OSError as error:
        raise DatastoreUnavailableError(f"{place}: {error}") from error
