"""The Redis store on Valkey, on the machine's Redis and on a cluster, or on what TASKSHED_TEST_REDIS_URL names."""

from collections.abc import AsyncIterator

import pytest
from redis_stores import a_redis_store

from taskshed.datastores import DataStore
from taskshed.testing.conformance import StoreConformance


class TestValkey(StoreConformance):
    @pytest.fixture
    async def datastore(self, valkey_url: str) -> AsyncIterator[DataStore]:
        async with a_redis_store(valkey_url) as datastore:
            yield datastore


class TestMachineRedis(StoreConformance):
    @pytest.fixture
    async def datastore(self, machine_redis_url: str) -> AsyncIterator[DataStore]:
        async with a_redis_store(machine_redis_url) as datastore:
            yield datastore


class TestCluster(StoreConformance):
    @pytest.fixture
    async def datastore(self, valkey_cluster_url: str) -> AsyncIterator[DataStore]:
        async with a_redis_store(valkey_cluster_url, cluster=True) as datastore:
            yield datastore
