"""Where tasks are kept.

`InMemoryDataStore` for one process; `SQLDataStore` for an SQLite file that survives it, or for a PostgreSQL, MySQL or
MariaDB server that many machines share. To write your own store, implement
`Storage`, which speaks the language of `taskshed.datastores.commands`, and hand it to `DataStore`;
`taskshed.testing.conformance` tells whether it is right.
"""

from typing import TYPE_CHECKING, Any

from taskshed.datastores._actor import DataStore
from taskshed.datastores._base import Storage
from taskshed.datastores._memory import InMemoryDataStore

if TYPE_CHECKING:
    from taskshed.datastores._sql import SQLConfig, SQLDataStore

__all__ = ["DataStore", "InMemoryDataStore", "SQLConfig", "SQLDataStore", "Storage"]


def __getattr__(name: str) -> Any:
    if name in ("SQLConfig", "SQLDataStore"):
        from taskshed.datastores import _sql  # noqa: PLC0415 - SQLAlchemy is imported when it is used

        return getattr(_sql, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
