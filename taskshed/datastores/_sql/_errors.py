"""What SQLAlchemy and its drivers say, in TaskShed's terms."""

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from taskshed.datastores._trouble import Trouble


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
