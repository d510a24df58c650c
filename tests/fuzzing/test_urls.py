"""Whatever somebody takes for a URL: it names a datastore, or an error says what is wrong and tells no password."""

import traceback
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from fuzzing.campaign import Campaign
from fuzzing.mutating import SURROGATES, WORDS, Mutator

from taskshed._open import open_datastore
from taskshed.datastores import RedisConfig, RedisDataStore, SQLConfig, SQLDataStore
from taskshed.errors import MissingDriverError

SECRET = "s3cret-pa55"
# Where a password is, each in one piece whatever is done to the rest.
_MARKS = {"\ue000": f":{SECRET}", "\ue001": f"?password={SECRET}", "\ue002": f"&password={SECRET}"}
_WHOM, _FIRST, _NEXT = _MARKS

PLAIN = [
    "memory://",
    "sqlite://",
    "sqlite:///tasks.db",
    "sqlite:////tmp/a@b/tasks.db?timeout=5",
    "sqlite+aiosqlite:///:memory:",
    "postgresql://host/tasks",
    "postgresql+psycopg://ada@[::1]:5432/tasks?sslmode=require&options=-csearch_path%3Da",
    "mysql://ada@127.0.0.1:3306/tasks?charset=utf8mb4",
    "mysql+pymysql://host/tasks",
    "redis://host:6379/0?protocol=3&socket_timeout=5",
    "redis://host?db=1",
    "unix:///run/redis.sock?db=2",
    "http://host/",
]
SECRETIVE = [
    f"postgresql://ada{_WHOM}@host:5432/tasks",
    f"postgres://ada:x/y{_WHOM}@host/tasks",
    f"postgresql+asyncpg://ada{_WHOM}%40%2F@host,other/tasks?ssl=true",
    f"mysql://ada{_WHOM}@host/tasks",
    f"mariadb://ada{_WHOM}#?@host/tasks",
    f"mysql://host/tasks?user=ada{_NEXT}",
    f"redis://ada{_WHOM}@host:6379/0",
    f"redis://{_WHOM}@host",
    f"rediss://ada{_WHOM}@host:6380/0?ssl_cert_reqs=none",
    f"redis://host/0{_FIRST}",
    f"unix://ada{_WHOM}@/run/redis.sock?db=2",
    f"unix:///run/redis.sock{_FIRST}",
]
PIECES = [
    *WORDS,
    *SURROGATES,
    "://",
    ":///",
    "%",
    "%zz",
    "%00",
    "[",
    "[::1]",
    "::",
    "@@",
    "?a=b",
    "&db=x",
    "+asyncpg",
    "#",
]

mutated = {"plain": Mutator(PLAIN, PIECES), "secretive": Mutator(SECRETIVE, PIECES)}


def a_url(chance: Random) -> str:
    url = mutated["secretive" if chance.random() < 0.7 else "plain"](chance)
    for mark, password in _MARKS.items():
        url = url.replace(mark, password)
    return url


def sql_config(url: str) -> SQLConfig:
    return SQLConfig(url=url)


def redis_config(url: str) -> RedisConfig:
    return RedisConfig(url=url)


MAKERS: dict[str, Callable[[str], Any]] = {
    "open_datastore": open_datastore,
    "SQLConfig": sql_config,
    "RedisConfig": redis_config,
    "SQLDataStore": SQLDataStore,
    "RedisDataStore": RedisDataStore,
}


@pytest.mark.parametrize("name", MAKERS)
def test_any_url_is_taken_or_refused_without_telling_its_password(name: str) -> None:
    make = MAKERS[name]
    with Campaign(f"URLs of {name}", parts=len(MAKERS)) as campaign:
        for chance in campaign:
            url = a_url(chance)
            try:
                made = make(url)
            except (ValueError, TypeError, MissingDriverError) as error:
                told = "".join(traceback.format_exception(error))
            else:
                told = repr(made) + str(made) + getattr(made, "place", "")
            if not url.startswith("sqlite"):  # it has no passwords, and whatever stands there is the name of a file
                assert SECRET not in told, url
