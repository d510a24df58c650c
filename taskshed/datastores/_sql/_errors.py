"""What went wrong, in TaskShed's terms."""

from typing import Literal

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from taskshed.errors import DatastoreError, DatastoreFormatError, DatastoreUnavailableError

Kind = Literal["again", "unavailable", "lost", "late", "format", "refused"]

_CLASSES: dict[Kind, type[DatastoreError]] = {
    "again": DatastoreUnavailableError,
    "unavailable": DatastoreUnavailableError,
    "lost": DatastoreUnavailableError,
    "late": DatastoreUnavailableError,
    "format": DatastoreFormatError,
    "refused": DatastoreError,
}


class Trouble(Exception):  # noqa: N818 - what it becomes is an error
    """A database's complaint, and what it means.

    ============= ===================================================================
    `again`       others were in the way; nothing was changed, and at once it may work
    `unavailable` nothing was changed, and later it may work
    `lost`        the connection broke, so it is not known whether anything was changed
    `late`        there was no answer in time, so neither is it
    `format`      it will not work as the database is
    `refused`     this call will not work
    ============= ===================================================================
    """

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason

    def error(self, place: str, effect: str) -> DatastoreError:
        """What callers get to see; `effect` says what became of what they wanted."""
        return _CLASSES[self.kind](f"{place}: {self.reason}; {effect}")


def trouble_on_the_way(error: BaseException) -> Trouble | None:
    """What an error means that says more about the way to a database than about the database."""
    match error:
        case Trouble():
            return error
        case PoolTimeout():
            return Trouble("unavailable", "all connections of the pool are in use")
        case TimeoutError():
            return Trouble("late", "no answer in time")
        case OSError():
            return Trouble("unavailable", error.strerror or str(error))
        case DBAPIError(connection_invalidated=True):
            return Trouble("lost", f"the connection was lost: {reason_of(error)}")
        case _:
            return None


def trouble_without_code(error: BaseException) -> Trouble | None:
    """What an error means that comes from the driver itself and not from a server."""
    bare = type(error).__module__.startswith("asyncpg.")  # SQLAlchemy 2.0 lets these through while it connects
    if not (bare or isinstance(error, DBAPIError)) or isinstance(driver_error(error), ValueError):
        return None  # it says nothing about the database, but about a parameter, say
    passing = bare or isinstance(error, OperationalError | InterfaceError | InternalError)
    return Trouble("unavailable" if passing else "refused", reason_of(error))


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error inside SQLAlchemy's."""
    while isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    # SQLAlchemy wraps what asyncpg and asyncmy raise once more.
    return error.__cause__ if type(error).__module__.startswith("sqlalchemy.") and error.__cause__ else error


def reason_of(error: BaseException) -> str:
    """What the driver says."""
    original = driver_error(error)
    if len(original.args) > 1 and isinstance(original.args[0], int):  # MySQL's drivers: number and text
        return f"{original.args[1]} ({original.args[0]})"
    return str(original).partition("\n")[0] or type(original).__name__
