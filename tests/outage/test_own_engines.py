"""Engines of the user's own: their pool may be exhausted, or full of connections that the server has hung up."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from anyio import to_thread
from outage.sites import HOUR, TOMORROW
from outage.sql_sites import SQLSite
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

import taskshed
from taskshed.datastores import SQLConfig, SQLDataStore
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

OwnEngine = Engine | AsyncEngine
MakeEngine = Callable[[int], OwnEngine]  # with a pool of that many connections

# How an engine is made, and its drivers.
MAKES: list[tuple[Callable[..., OwnEngine], dict[str, str]]] = [
    (create_async_engine, {"postgresql": "asyncpg", "mysql": "asyncmy"}),
    (create_engine, {"postgresql": "psycopg", "mysql": "pymysql"}),
]


@pytest.fixture
def anyio_backend() -> str:
    """A user's own engine lives on the user's loop."""
    return "asyncio"


@pytest.fixture(params=MAKES, ids=["asynchronous", "plain"])
async def make_engine(request: pytest.FixtureRequest, sql_site: SQLSite) -> AsyncIterator[MakeEngine]:
    make, drivers = request.param
    url = make_url(sql_site.url)
    engines: list[OwnEngine] = []

    def make_engine(pool_size: int) -> OwnEngine:
        driver = f"{url.drivername}+{drivers[url.drivername]}"
        engines.append(make(url.set(drivername=driver), pool_size=pool_size, max_overflow=0, pool_timeout=0.2))
        return engines[-1]

    yield make_engine
    for engine in engines:
        await result_of(engine.dispose())


async def result_of(result: Any) -> Any:
    return await result if isinstance(result, Awaitable) else result


@asynccontextmanager
async def a_connection(engine: OwnEngine) -> AsyncIterator[Any]:
    if isinstance(engine, Engine):
        with engine.connect() as connection:
            yield connection
    else:
        async with engine.connect() as connection:
            yield connection


async def is_left_in_order(engine: OwnEngine) -> None:
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == 0
    async with a_connection(engine) as connection:
        assert (await result_of(connection.execute(text("SELECT 1")))).scalar() == 1


async def test_calls_fail_while_the_pool_is_exhausted_and_work_afterwards(
    sql_site: SQLSite, make_engine: MakeEngine
) -> None:
    engine = make_engine(1)
    datastore = SQLDataStore(SQLConfig(engine=engine, poll_interval=HOUR))
    async with a_connection(engine):
        reason = f"{sql_site.place}: all connections .* are in use"
        with pytest.raises(taskshed.DatastoreUnavailableError, match=reason):
            await datastore.start()
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        for _ in range(3):
            async with a_connection(engine):
                with pytest.raises(
                    taskshed.DatastoreUnavailableError, match=r"all connections .*; nothing was changed"
                ):
                    await scheduler.add_task("note", TOMORROW, task_id="absent")
                with pytest.raises(taskshed.DatastoreUnavailableError, match="all connections"):
                    await scheduler.fetch_tasks(task_ids=["there"])
            assert [task.task_id for task in await scheduler.fetch_tasks(task_ids=["there", "absent"])] == ["there"]
            await scheduler.pause_tasks(task_ids=["there"])
        await is_left_in_order(engine)
    await is_left_in_order(engine)


async def test_calls_work_at_once_after_an_outage_though_the_pool_is_stale(
    sql_site: SQLSite, make_engine: MakeEngine
) -> None:
    engine = make_engine(5)
    async with AsyncScheduler(SQLDataStore(SQLConfig(engine=engine, poll_interval=HOUR))) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        for is_noticed in (True, False):
            async with AsyncExitStack() as stack:  # all of the pool's connections exist
                for _ in range(4):
                    await stack.enter_async_context(a_connection(engine))
            await to_thread.run_sync(sql_site.server.stop)
            if is_noticed:
                with anyio.fail_after(3), pytest.raises(taskshed.DatastoreUnavailableError, match=sql_site.place):
                    await scheduler.add_task("note", TOMORROW, task_id="absent")
                with anyio.fail_after(3), pytest.raises(taskshed.DatastoreUnavailableError, match=sql_site.place):
                    await scheduler.fetch_tasks(task_ids=["there"])
            await to_thread.run_sync(sql_site.server.start)
            for _ in range(5):
                assert [task.task_id for task in await scheduler.fetch_tasks(task_ids=["there", "absent"])] == ["there"]
                await scheduler.resume_tasks(task_ids=["there"])
    await is_left_in_order(engine)


@pytest.mark.parametrize("make_engine", MAKES[:1], ids=["asynchronous"], indirect=True)
async def test_a_call_that_takes_too_long_gives_its_connection_back(sql_site: SQLSite, make_engine: MakeEngine) -> None:
    engine = make_engine(1)
    config = SQLConfig(engine=engine, poll_interval=HOUR, timeout=timedelta(seconds=1))
    async with AsyncScheduler(SQLDataStore(config)) as scheduler:
        async with sql_site.held(*sql_site.lock_all):
            with anyio.fail_after(5), pytest.raises(taskshed.DatastoreUnavailableError, match="no answer in time"):
                await scheduler.add_task("note", TOMORROW, task_id="t")
            await is_left_in_order(engine)
        await scheduler.add_task("note", TOMORROW, task_id="t")
    await is_left_in_order(engine)
