"""The memory store."""

from collections.abc import AsyncIterator

import pytest

from taskshed.datastores import DataStore, InMemoryDataStore
from taskshed.testing.conformance import StoreConformance


@pytest.fixture
async def datastore() -> AsyncIterator[DataStore]:
    async with InMemoryDataStore() as datastore:
        yield datastore


class TestMemory(StoreConformance):
    pass
