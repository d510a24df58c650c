"""The tables: made, found, brought up to date, refused, and printed for those who make them themselves."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import own_tables
from sqlalchemy import Connection, inspect, text

import taskshed
from taskshed._clock import SystemClock
from taskshed.datastores import SQLConfig, SQLDataStore
from taskshed.datastores._sql._engines import make_database, make_engine
from taskshed.datastores._sql._lanes import AsyncLane, Lane, ThreadLane
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._sql._versions import current_version, prepare
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Of the loops those that the drivers know; the bridge is tested elsewhere."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tasks.db'}"
    else:
        yield request.getfixturevalue("postgres_url" if request.param == "postgresql" else "mysql_url")


async def on_database(config: SQLConfig, work: Callable[[Connection], Any]) -> Any:
    """Do something to the database behind the store's back."""
    database, engine = make_database(config, SystemClock()), make_engine(config.parsed_url())
    lane: Lane
    if config.parsed_url().get_backend_name() == "sqlite":
        lane = ThreadLane(engine, database, keep=True, name="taskshed-test")  # type: ignore[arg-type]  # a plain one
    else:
        lane = AsyncLane(engine, database, keep=True, patience=10)  # type: ignore[arg-type]  # an asyncio one

    def in_transaction(connection: Connection) -> Any:
        with database.alone(connection):
            return work(connection)

    try:
        return await lane.run(in_transaction)
    finally:
        await lane.close()


def schema_of(config: SQLConfig) -> Schema:
    return make_database(config, SystemClock()).schema


def remember_a_number(connection: Connection, schema: Schema) -> None:
    connection.execute(text(f"ALTER TABLE {schema.tasks.name} ADD COLUMN number INTEGER"))


def double_it(connection: Connection, schema: Schema) -> None:
    connection.execute(text(f"UPDATE {schema.tasks.name} SET number = 2"))


async def test_older_tables_are_brought_up_to_date_in_place_and_keep_their_tasks(url: str) -> None:
    config = own_tables(url)
    schema = schema_of(config)
    async with AsyncScheduler(SQLDataStore(config)) as scheduler:
        task = await scheduler.add_task("greet", paused=True)

    def upgrade(connection: Connection) -> Any:
        for _ in range(2):  # the second time there is nothing to do
            prepare(connection, schema, create=True, upgrades=(remember_a_number, double_it))
        connection.execute(text(f"UPDATE {schema.tasks.name} SET number = number + 1"))
        prepare(connection, schema, create=True, upgrades=(remember_a_number, double_it))
        version = connection.execute(text(f"SELECT schema_version FROM {schema.meta.name}")).scalar()
        return version, connection.execute(text(f"SELECT number FROM {schema.tasks.name}")).scalar()

    assert await on_database(config, upgrade) == (3, 3)
    await on_database(config, lambda connection: set_version(connection, schema, current_version()))
    async with AsyncScheduler(SQLDataStore(config)) as scheduler:
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == [task]


def set_version(connection: Connection, schema: Schema, version: int) -> None:
    connection.execute(text(f"UPDATE {schema.meta.name} SET schema_version = {version}"))


async def test_newer_tables_are_refused(url: str) -> None:
    config = own_tables(url)
    async with SQLDataStore(config):
        pass
    await on_database(config, lambda connection: set_version(connection, schema_of(config), 99))
    with pytest.raises(taskshed.DatastoreFormatError, match="of schema version 99, this TaskShed knows up to 1"):
        async with SQLDataStore(config):
            pass


async def test_older_tables_are_refused_where_nothing_may_be_created(url: str) -> None:
    config = own_tables(url)
    async with SQLDataStore(config):
        pass

    def check(connection: Connection) -> None:
        prepare(connection, schema_of(config), create=False, upgrades=(remember_a_number,))

    with pytest.raises(taskshed.DatastoreFormatError, match="of schema version 1, not 2; start once with"):
        await on_database(config, check)


async def test_foreign_tables_are_refused_and_left_alone(url: str) -> None:
    config = own_tables(url)
    name = schema_of(config).tasks.name
    await on_database(config, lambda connection: connection.execute(text(f"CREATE TABLE {name} (id INTEGER)")))
    with pytest.raises(taskshed.DatastoreFormatError, match=f"{name} exist but are not TaskShed's"):
        async with SQLDataStore(config):
            pass
    columns = await on_database(config, lambda connection: inspect(connection).get_columns(name))
    assert [column["name"] for column in columns] == ["id"]


async def test_the_printed_ddl_makes_what_the_store_makes(url: str) -> None:
    printed = own_tables(url, create_tables=False)
    with pytest.raises(taskshed.DatastoreFormatError, match="there are no tables; start once with create"):
        async with SQLDataStore(printed):
            pass
    await on_database(printed, lambda connection: apply_ddl(connection, printed))
    made = own_tables(url)
    async with AsyncScheduler(SQLDataStore(printed)) as scheduler, SQLDataStore(made):
        task = await scheduler.add_task("greet", paused=True)
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == [task]
    assert await on_database(printed, lambda connection: layout(connection, printed)) == await on_database(
        made, lambda connection: layout(connection, made)
    )


def apply_ddl(connection: Connection, config: SQLConfig) -> None:
    dialect = "mariadb" if getattr(connection.dialect, "is_mariadb", False) else connection.dialect.name
    for statement in SQLDataStore.ddl(dialect, table_prefix=config.table_prefix).split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement.replace("%", "%%"))


def layout(connection: Connection, config: SQLConfig) -> Any:
    schema, inspector = schema_of(config), inspect(connection)
    tables = [schema.meta.name, schema.tasks.name]
    columns = [
        [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)]
        for table in tables
    ]
    indexes = [sorted(index["column_names"] for index in inspector.get_indexes(table)) for table in tables]
    return columns, indexes, inspector.get_pk_constraint(schema.tasks.name)["constrained_columns"]


async def test_what_was_interrupted_while_being_made_is_finished(url: str) -> None:
    config = own_tables(url)
    schema = schema_of(config)
    await on_database(config, schema.tasks.create)
    async with AsyncScheduler(SQLDataStore(config)) as scheduler:
        await scheduler.add_task("greet", paused=True)


async def test_a_postgresql_schema_is_made_and_used(postgres_url: str) -> None:
    config = own_tables(postgres_url, schema="jobs_of_app", table_prefix="t_")
    async with AsyncScheduler(SQLDataStore(config)) as scheduler:
        task = await scheduler.add_task("greet", paused=True)
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == [task]
    names = await on_database(config, lambda connection: inspect(connection).get_table_names(schema="jobs_of_app"))
    assert sorted(names) == ["t_meta", "t_tasks"]


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "mariadb", "sqlite"])
def test_ddl_is_printed_without_a_driver(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for driver in ("asyncpg", "asyncmy"):
        monkeypatch.setitem(sys.modules, driver, None)
    ddl = SQLDataStore.ddl(dialect, table_prefix="jobs_")
    assert "CREATE TABLE jobs_tasks" in ddl
    assert "INSERT INTO jobs_meta (schema_version" in ddl
    assert ("CREATE SEQUENCE jobs_token" in ddl) == (dialect == "postgresql")
    with pytest.raises(ValueError, match="no SQL datastore for oracle"):
        SQLDataStore.ddl("oracle")
