"""Tasks in an SQL database, through SQLAlchemy."""

from taskshed.datastores._sql._config import SQLConfig
from taskshed.datastores._sql._store import SQLDataStore

__all__ = ["SQLConfig", "SQLDataStore"]
