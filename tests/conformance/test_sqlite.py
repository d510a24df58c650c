"""The SQL store on an SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from taskshed.datastores import DataStore, SQLDataStore
from taskshed.testing.conformance import StoreConformance


@pytest.fixture
async def datastore(tmp_path: Path) -> AsyncIterator[DataStore]:
    async with SQLDataStore(f"sqlite:///{tmp_path / 'tasks.db'}") as datastore:
        yield datastore


class TestSQLite(StoreConformance):
    pass
