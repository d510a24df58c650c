"""Tasks in Redis or Valkey, through redis-py.

::

    _store       RedisDataStore                what users make, of a RedisConfig (_config)
    _storage     RedisStorage                  the storage protocol; _opening: what is made sure of first
    _reading     fetch, page by page           _watching: notices by pub/sub
    _rounds      commands as rounds of scripts, without I/O
    _operations  what each shard has to do     _rows: records as what the scripts keep
    _deliveries  rounds on their way           _lanes, _lines: connections, on which everything is said once
    _servers     where the shards are          _errors: refusals and breakdowns in our terms
    _scripts     the script, whose parts are in lua/, and the names of the keys
"""

from taskshed.errors import MissingDriverError

try:
    import redis as _  # noqa: F401 - to see that it is there
except ImportError as error:
    raise MissingDriverError("RedisDataStore needs redis-py; install it with: pip install 'taskshed[redis]'") from error

from taskshed.datastores._redis._config import RedisConfig
from taskshed.datastores._redis._store import RedisDataStore

__all__ = ["RedisConfig", "RedisDataStore"]
