"""The SQL store on MariaDB, or on the MySQL that TASKSHED_TEST_MYSQL_URL names."""

from collections.abc import AsyncIterator

import pytest
from databases import a_store

from taskshed.datastores import DataStore
from taskshed.testing.conformance import StoreConformance


class TestMySQL(StoreConformance):
    @pytest.fixture
    async def datastore(self, mysql_url: str) -> AsyncIterator[DataStore]:
        async with a_store(mysql_url) as datastore:
            yield datastore
