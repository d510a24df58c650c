"""How a server is told the time.

Servers have clocks of their own. Here the expression by which a store reads its server's clock is replaced by one that
reads a cell, which the test turns: a row of a table, or a key in each shard. Everything else of the stores is as it is.
It is done here and not by a setting of the stores, for nobody else may ever do so.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha1
from unittest.mock import patch

from sqlalchemy import create_engine, make_url, text

from taskshed.datastores import RedisConfig
from taskshed.datastores._redis import _scripts
from taskshed.datastores._redis._scripts import keys_of
from taskshed.datastores._sql import _mysql, _postgresql_statements

Write = Callable[[int], None]

_TABLE = "model_clock"
_CELL = f"(SELECT instant FROM {_TABLE})"
_KEY = "clock"
_LUA_CLOCK = """
    local time = call('TIME')
    return time[1] * 1000000 + time[2]
"""
_LUA_CELL = f"""
    return tonumber(call('GET', BASE .. '{_KEY}'))
"""


@contextmanager
def postgresql_cell(url: str) -> Iterator[Write]:
    """Have PostgreSQL go by a cell; yields what turns it."""
    with _row(url, "postgresql+psycopg") as write, ExitStack() as patches:
        for name in ("_NOW", "_BEGAN"):
            patches.enter_context(patch.object(_postgresql_statements, name, _CELL))
        yield write


@contextmanager
def mysql_cell(url: str) -> Iterator[Write]:
    """Have MySQL or MariaDB go by a cell; yields what turns it."""
    with _row(url, "mysql+pymysql") as write, patch.object(_mysql, "_NOW", _CELL):
        yield write


@contextmanager
def redis_cell(config: RedisConfig) -> Iterator[Write]:
    """Have Redis or Valkey go by a cell in each shard, in whose hash slot it lies; yields what turns it."""
    from redis import Redis, RedisCluster  # noqa: PLC0415 - absent without the driver's extra

    assert config.url is not None
    keys = [keys_of(config.key_prefix, shard).due.removesuffix("due") + _KEY for shard in range(config.shards or 1)]
    source = _scripts.source()
    assert source.count(_LUA_CLOCK) == 1
    source = source.replace(_LUA_CLOCK, _LUA_CELL)
    digest = sha1(source.encode(), usedforsecurity=False).hexdigest()
    client = RedisCluster.from_url(config.url) if config.cluster else Redis.from_url(config.url)

    def write(now: int) -> None:
        for key in keys:
            client.set(key, now)

    with patch.object(_scripts, "source", lambda: source), patch.object(_scripts, "digest", lambda: digest):
        try:
            yield write
        finally:
            client.close()


@contextmanager
def _row(url: str, driver: str) -> Iterator[Write]:
    engine = create_engine(make_url(url).set(drivername=driver), isolation_level="AUTOCOMMIT")
    turn = text(f"UPDATE {_TABLE} SET instant = :now")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"DROP TABLE IF EXISTS {_TABLE}"))
            connection.execute(text(f"CREATE TABLE {_TABLE} (instant BIGINT NOT NULL)"))
            connection.execute(text(f"INSERT INTO {_TABLE} VALUES (0)"))

            def write(now: int) -> None:
                connection.execute(turn, {"now": now})

            yield write
            connection.execute(text(f"DROP TABLE {_TABLE}"))
    finally:
        engine.dispose()
