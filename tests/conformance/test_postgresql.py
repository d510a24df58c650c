"""The SQL store on PostgreSQL, of two versions."""

from collections.abc import AsyncIterator

import pytest
from databases import a_store

from taskshed.datastores import DataStore
from taskshed.testing.conformance import StoreConformance


class TestPostgreSQL(StoreConformance):
    @pytest.fixture
    async def datastore(self, postgres_url: str) -> AsyncIterator[DataStore]:
        async with a_store(postgres_url) as datastore:
            yield datastore


class TestMachinePostgreSQL(StoreConformance):
    @pytest.fixture
    async def datastore(self, machine_postgres_url: str) -> AsyncIterator[DataStore]:
        async with a_store(machine_postgres_url) as datastore:
            yield datastore
