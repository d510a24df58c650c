"""Stores on the user's own engines."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from databases import own_tables
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import taskshed
from taskshed._loops import on_trio
from taskshed.datastores import DataStore, SQLConfig, SQLDataStore
from taskshed.testing.conformance._claim import ClaimConformance
from taskshed.testing.conformance._groups import GroupsConformance
from taskshed.testing.conformance._notices import NoticesConformance
from taskshed.testing.conformance._replace import ReplaceConformance
from taskshed.testing.conformance._settle import SettleConformance

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)

# driver: (fixture of the URL, how an engine is made)
ENGINES: dict[str, tuple[str, Callable[..., Engine | AsyncEngine]]] = {
    "sqlite+pysqlite": ("sqlite_url", create_engine),
    "sqlite+aiosqlite": ("sqlite_url", create_async_engine),
    "postgresql+asyncpg": ("postgres_url", create_async_engine),
    "postgresql+psycopg, plain": ("postgres_url", create_engine),
    "postgresql+psycopg": ("postgres_url", create_async_engine),
    "mysql+asyncmy": ("mysql_url", create_async_engine),
    "mysql+pymysql": ("mysql_url", create_engine),
}


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tasks.db'}"


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine | AsyncEngine]:
    fixture, make = ENGINES[request.param]
    rest = request.getfixturevalue(fixture).partition("://")[2]
    async with an_engine(make(f"{request.param.partition(',')[0]}://{rest}", pool_size=2, max_overflow=0)) as engine:
        yield engine


@asynccontextmanager
async def an_engine(engine: Engine | AsyncEngine) -> AsyncIterator[Engine | AsyncEngine]:
    try:
        yield engine
    finally:
        if isinstance(engine, Engine):
            engine.dispose()
        else:
            await on_its_loop(engine.dispose)


async def on_its_loop(function: Callable[..., Any], *arguments: Any) -> Any:
    """An asyncio engine works on asyncio only, so where the test runs on trio it is used in a thread."""
    if on_trio():
        return await anyio.to_thread.run_sync(lambda: anyio.run(function, *arguments))
    return await function(*arguments)


@pytest.fixture
async def datastore(engine: Engine | AsyncEngine) -> AsyncIterator[DataStore]:
    async with SQLDataStore(config_of(engine)) as datastore:
        yield datastore


def config_of(engine: Engine | AsyncEngine) -> SQLConfig:
    settings = own_tables("sqlite://")
    return SQLConfig(engine=engine, table_prefix=settings.table_prefix, poll_interval=settings.poll_interval)


class TestOwnEngine(ClaimConformance, SettleConformance, ReplaceConformance, GroupsConformance, NoticesConformance):
    pytestmark = pytest.mark.anyio


async def test_an_engine_is_given_back_as_it_was(engine: Engine | AsyncEngine) -> None:
    for _ in range(2):
        async with taskshed.open_scheduler(SQLDataStore(config_of(engine))) as scheduler:
            task = await scheduler.add_task("greet", TOMORROW)
            assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == [task]
        assert getattr(engine.pool, "checkedout", int)() == 0
    if isinstance(engine, Engine):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
            assert connection.get_isolation_level() == connection.default_isolation_level
    else:
        await on_its_loop(look_around, engine)


async def look_around(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1
        assert await connection.get_isolation_level() == connection.default_isolation_level
    await engine.dispose()
