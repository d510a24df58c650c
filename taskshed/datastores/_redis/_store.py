from functools import partial

from redis.asyncio import Redis, RedisCluster

from taskshed.datastores._actor import DataStore
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores._redis._config import RedisConfig
from taskshed.datastores._redis._servers import let_go
from taskshed.datastores._redis._storage import RedisStorage


class RedisDataStore(DataStore):
    """Keeps tasks in a Redis (6.2 or newer) or Valkey, for any number of machines.

    Args:
        config: a `RedisConfig`, just its URL or client, or None for the server on this machine.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(self, config: RedisConfig | str | Redis | RedisCluster | None = None) -> None:
        if config is None:
            config = RedisConfig()
        elif isinstance(config, str):
            config = RedisConfig(url=config)
        elif isinstance(config, Redis | RedisCluster):
            config = RedisConfig(client=config)
        elif not isinstance(config, RedisConfig):
            raise TypeError(f"config must be a RedisConfig, a URL or a client of redis.asyncio, not {type(config)!r}")
        # By what a client finds its servers would outlive a loop of ours.
        farewell = None if config.client is None else partial(let_go, config.client)
        super().__init__(HostedStorage(RedisStorage(config), farewell), server_time=True)
