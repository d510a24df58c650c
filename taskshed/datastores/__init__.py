"""Where tasks are kept.

`InMemoryDataStore` for one process; `SQLDataStore` for an SQLite file that survives it, or for a PostgreSQL, MySQL or
MariaDB server that many machines share; `RedisDataStore` for a Redis or Valkey that they share. To write your own
store, implement `Storage`, which speaks the language of `taskshed.datastores.commands`, and hand it to `DataStore`;
`taskshed.testing.conformance` tells whether it is right.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from taskshed.datastores._actor import DataStore
from taskshed.datastores._base import Storage
from taskshed.datastores._memory import InMemoryDataStore

if TYPE_CHECKING:
    from taskshed.datastores._redis import RedisConfig, RedisDataStore
    from taskshed.datastores._sql import SQLConfig, SQLDataStore

__all__ = ["DataStore", "InMemoryDataStore", "RedisConfig", "RedisDataStore", "SQLConfig", "SQLDataStore", "Storage"]

# Their drivers are imported when they are used.
_HOMES = {
    "RedisConfig": "taskshed.datastores._redis",
    "RedisDataStore": "taskshed.datastores._redis",
    "SQLConfig": "taskshed.datastores._sql",
    "SQLDataStore": "taskshed.datastores._sql",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
