"""The permissions that the docs name are all that is needed."""

from datetime import timedelta

import anyio
import pytest
from databases import own_tables
from servers._databases import execute
from sqlalchemy import make_url

import taskshed
from taskshed.datastores import SQLConfig, SQLDataStore

pytestmark = pytest.mark.anyio

PASSWORD = "pa55"

# Scheme: what an administrator says for a user that may use the tables and may not make any.
GRANTS = {
    "postgresql": [
        "CREATE ROLE {user} LOGIN PASSWORD '{password}'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {prefix}tasks TO {user}",
        "GRANT SELECT, UPDATE ON {prefix}meta TO {user}",
        "GRANT USAGE ON SEQUENCE {prefix}token TO {user}",
    ],
    "mysql": [
        "CREATE USER {user} IDENTIFIED BY '{password}'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {prefix}tasks TO {user}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {prefix}meta TO {user}",
    ],
}
FAREWELL = {
    "postgresql": ["DROP OWNED BY {user}", "DROP ROLE {user}"],
    "mysql": ["DROP USER {user}"],
}


@pytest.mark.parametrize("create_tables", [True, False])
@pytest.mark.parametrize("fixture", ["postgres_url", "mysql_url"])
async def test_the_documented_permissions_suffice(
    request: pytest.FixtureRequest, fixture: str, create_tables: bool
) -> None:
    url = request.getfixturevalue(fixture)
    config = own_tables(url)
    async with SQLDataStore(config):  # an administrator makes the tables
        pass
    names = {"user": config.table_prefix[:20], "password": PASSWORD, "prefix": config.table_prefix}
    scheme = url.partition("://")[0]
    execute(url, *(statement.format_map(names) for statement in GRANTS[scheme]))
    try:
        user = make_url(url).set(username=names["user"], password=PASSWORD)
        await work(SQLConfig(url=user, table_prefix=config.table_prefix, create_tables=create_tables))
    finally:
        execute(url, *(statement.format_map(names) for statement in FAREWELL[scheme]))


async def work(config: SQLConfig) -> None:
    ran = anyio.Event()

    async def greet() -> None:
        ran.set()

    async with taskshed.open_scheduler(SQLDataStore(config), callback_map={"greet": greet}) as scheduler:
        await scheduler.add_task("greet", run_type="recurring", interval=timedelta(days=1), task_id="a", group_id="g")
        with anyio.fail_after(20):
            await ran.wait()
        await scheduler.pause_tasks(group_id="g")
        await scheduler.resume_tasks(group_id="g")
        await scheduler.remove_tasks(group_id="g")
        assert await scheduler.fetch_tasks(group_id="g") == []
