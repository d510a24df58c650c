"""Tasks that are added in the caller's own transaction."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from databases import own_tables
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import taskshed
from taskshed.datastores import SQLDataStore
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)
DRIVERS = {"postgresql": "postgresql+asyncpg", "mysql": "mysql+asyncmy", "sqlite": "sqlite+aiosqlite"}
DATABASES = ["sqlite", "postgresql", "mysql"]


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Of the loops those that users' asyncio connections live on."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tasks.db'}"
    else:
        yield request.getfixturevalue("postgres_url" if request.param == "postgresql" else "mysql_url")


@asynccontextmanager
async def an_engine(url: str) -> AsyncIterator[AsyncEngine]:
    scheme, _, rest = url.partition("://")
    engine = create_async_engine(f"{DRIVERS[scheme]}://{rest}")
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def a_connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as connection:
        yield connection


@asynccontextmanager
async def a_session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


@pytest.mark.parametrize("make", [a_connection, a_session])
async def test_a_task_exists_if_and_only_if_the_caller_commits(url: str, make: Any) -> None:
    async with an_engine(url) as engine, AsyncScheduler(SQLDataStore(own_tables(url))) as scheduler:
        async with make(engine) as connection:
            kept = await scheduler.add_task("greet", TOMORROW, {"name": "Ada"}, connection=connection)
            more = [taskshed.Task(callback="greet", run_at=TOMORROW, task_id=f"{n}") for n in range(3)]
            await scheduler.add_tasks(more, connection=connection)
            assert await scheduler.fetch_tasks(task_ids=[kept.task_id, "0"]) == []
            await connection.commit()
        assert await scheduler.fetch_tasks(task_ids=[kept.task_id, "0", "1", "2"]) == [kept, *more]
        async with make(engine) as connection:
            undone = await scheduler.add_task("greet", TOMORROW, connection=connection)
            await connection.rollback()
        assert await scheduler.fetch_tasks(task_ids=[undone.task_id]) == []


async def test_what_else_the_caller_wrote_stands_or_falls_with_it(url: str) -> None:
    async with an_engine(url) as engine, AsyncScheduler(SQLDataStore(own_tables(url))) as scheduler:
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE IF NOT EXISTS orders (number INTEGER)"))
            await connection.execute(text("DELETE FROM orders"))
        async with engine.connect() as connection:
            await connection.execute(text("INSERT INTO orders VALUES (1)"))
            task = await scheduler.add_task("ship", connection=connection)
            await connection.rollback()
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM orders"))).scalar() == 0
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == []


async def test_a_taken_id_is_replaced_or_kept_within_the_transaction(url: str) -> None:
    async with an_engine(url) as engine, AsyncScheduler(SQLDataStore(own_tables(url))) as scheduler:
        before = await scheduler.add_task("greet", TOMORROW, {"n": 0}, task_id="taken")
        async with engine.begin() as connection:
            answer = await scheduler.add_task(
                "greet", TOMORROW, {"n": 1}, task_id="taken", replace_existing=False, connection=connection
            )
            assert answer == before
            new = await scheduler.add_task("greet", TOMORROW, {"n": 2}, task_id="new", connection=connection)
            again = await scheduler.add_task(
                "greet", TOMORROW, {"n": 3}, task_id="new", replace_existing=False, connection=connection
            )
            assert again == new
            after = await scheduler.add_task("greet", TOMORROW, {"n": 4}, task_id="taken", connection=connection)
        assert await scheduler.fetch_tasks(task_ids=["taken", "new"]) == [after, new]


async def test_the_commit_wakes_a_worker_and_nothing_before_it_does(url: str) -> None:
    ran = anyio.Event()
    committed = False

    async def greet() -> None:
        assert committed
        ran.set()

    # On PostgreSQL the commit is told, elsewhere the next look finds it.
    interval = timedelta(hours=1) if url.startswith("postgresql") else timedelta(milliseconds=50)
    datastore = SQLDataStore(own_tables(url, poll_interval=interval))
    async with an_engine(url) as engine, taskshed.open_scheduler(datastore, callback_map={"greet": greet}) as scheduler:
        async with engine.connect() as connection:
            await scheduler.add_task("greet", connection=connection)
            committed = True
            await connection.commit()
        with anyio.fail_after(20):
            await ran.wait()


async def test_a_plain_connection_and_a_plain_session(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    engine = create_engine(url)
    async with taskshed.open_scheduler(url) as scheduler:
        with engine.begin() as connection:
            one = await scheduler.add_task("greet", TOMORROW, connection=connection)
        with Session(engine) as session:
            two = await scheduler.add_task("greet", TOMORROW, connection=session)
            session.commit()
        assert await scheduler.fetch_tasks(task_ids=[one.task_id, two.task_id]) == [one, two]
    engine.dispose()


async def test_what_is_no_connection_to_that_database_is_refused(tmp_path: Path, postgres_url: str) -> None:
    async with AsyncScheduler(SQLDataStore(own_tables(postgres_url))) as scheduler:
        with pytest.raises(TypeError, match="must be an SQLAlchemy connection or session, not str"):
            await scheduler.add_task("greet", connection="postgresql://")
        engine = create_engine(f"sqlite:///{tmp_path / 'tasks.db'}")
        with engine.connect() as connection, pytest.raises(ValueError, match="to sqlite, and the datastore is in post"):
            await scheduler.add_task("greet", connection=connection)
        engine.dispose()
    async with taskshed.open_scheduler() as scheduler:
        with pytest.raises(TypeError, match="InMemoryDataStore cannot take part in your transaction"):
            await scheduler.add_task("greet", connection=object())
