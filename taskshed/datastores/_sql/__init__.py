"""Tasks in an SQL database, through SQLAlchemy.

::

    _store      SQLDataStore                     what users make, of an SQLConfig (_config)
    _storage    SQLStorage                       the storage protocol: transactions on lanes, errors in our terms
    _lanes      a thread, or the asyncio loop    where a connection lives (_engines)
    _watching   LISTEN, data_version, a poll     how changes made elsewhere are noticed
    _database   what all databases do            _postgresql    _locking: _sqlite, _mysql
                _tables: looking at them
                _rows, _pages: records as rows, selections as conditions
    _schema     the tables                       _versions: created, upgraded, refused
"""

from taskshed.datastores._sql._config import SQLConfig
from taskshed.datastores._sql._store import SQLDataStore

__all__ = ["SQLConfig", "SQLDataStore"]
