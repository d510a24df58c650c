"""Redis stores for single tests, on servers that many tests share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from taskshed.datastores import RedisConfig, RedisDataStore


def own_prefix(url: str, **settings: Any) -> RedisConfig:
    """The configuration of a store with keys of its own.

    It looks for changes hardly ever by itself, so that a test hears only what was told.
    """
    defaults: dict[str, Any] = {"key_prefix": f"t{uuid4().hex}", "poll_interval": timedelta(hours=1)}
    return RedisConfig(url=url, **(defaults | settings))


@asynccontextmanager
async def a_redis_store(url: str, **settings: Any) -> AsyncIterator[RedisDataStore]:
    """A running store with keys of its own."""
    async with RedisDataStore(own_prefix(url, **settings)) as datastore:
        yield datastore
