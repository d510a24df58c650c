from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from taskshed.datastores import DataStore, InMemoryDataStore, SQLDataStore
from taskshed.schedulers import AsyncScheduler

STORES: dict[str, Callable[[Path], DataStore]] = {
    "memory": lambda folder: InMemoryDataStore(),
    "sqlite": lambda folder: SQLDataStore(f"sqlite:///{folder / 'tasks.db'}"),
}


@pytest.fixture(params=STORES)
def datastore(request: pytest.FixtureRequest, tmp_path: Path) -> DataStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
async def scheduler(datastore: DataStore) -> AsyncIterator[AsyncScheduler]:
    async with AsyncScheduler(datastore) as scheduler:
        yield scheduler
