"""Stores for single tests, on databases that many tests share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from taskshed.datastores import SQLConfig, SQLDataStore
from taskshed.datastores.commands import Everything, Remove


def own_tables(url: str, **settings: Any) -> SQLConfig:
    """The configuration of a store with tables of its own.

    It looks for changes hardly ever by itself, so that a test hears only what was told.
    """
    defaults: dict[str, Any] = {"table_prefix": f"t{uuid4().hex}_", "poll_interval": timedelta(hours=1)}
    return SQLConfig(url=url, **(defaults | settings))


_OF_THIS_PROCESS = f"p{uuid4().hex}_"


@asynccontextmanager
async def a_store(url: str) -> AsyncIterator[SQLDataStore]:
    """A running and empty store, with tables that all tests of this process share: to make them takes long."""
    async with SQLDataStore(own_tables(url, table_prefix=_OF_THIS_PROCESS)) as datastore:
        await datastore.ask(Remove(Everything()))
        yield datastore
