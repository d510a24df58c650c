"""What settlements with children cost: one statement more, and those without none."""

from pathlib import Path

import pytest
from databases import own_tables
from sql.plans import Recorder, on_tables
from sqlalchemy import Connection

from taskshed._planning import Outcome, Settlement
from taskshed._records import Record
from taskshed.datastores import SQLDataStore
from taskshed.datastores._sql._database import Database
from taskshed.datastores.commands import Add, Claim, Everything, Settle

pytestmark = pytest.mark.anyio

OUTCOMES: tuple[Outcome, ...] = ("done", "next")
HOUR = 3_600_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tasks.db'}"


@pytest.mark.parametrize("fixture", ["postgres_url", "mysql_url", "sqlite_url"])
async def test_children_cost_one_statement(request: pytest.FixtureRequest, fixture: str) -> None:
    config = own_tables(request.getfixturevalue(fixture))
    async with SQLDataStore(config):
        pass  # it has made the tables
    assert await on_tables(config, statements_of_children) == ["INSERT"]


def statements_of_children(connection: Connection, database: Database) -> list[str]:
    """How the statements begin that settling has to make because there are children."""
    without = settled(connection, database, children=False)
    with_children = settled(connection, database, children=True)
    with database.reading(connection):
        assert len(database.fetch(connection, Everything())) == 40 + 20  # what goes on, and the children
    assert with_children[: len(without)] == without
    return [text.split()[0] for text in with_children[len(without) :]]


def settled(connection: Connection, database: Database, *, children: bool) -> list[str]:
    """Add tasks, claim them, and settle them: the statements about tasks that this takes."""
    names = [f"{children} {number}" for number in range(40)]
    records = tuple(Record(task_id=name, body="{}", run_at=1) for name in names)
    _, claimed = database.execute(connection, [Add(records), Claim(limit=40, lease=HOUR)], "")
    assert len(claimed.records) == 40
    settlements = [
        Settlement(
            task_id=record.task_id,
            token=record.token,
            outcome=OUTCOMES[number % 2],
            run_at=claimed.now + HOUR,
            child=Record(task_id=f"child {number}", body="{}", run_at=1) if children and number % 4 < 2 else None,
        )
        for number, record in enumerate(claimed.records)
    ]
    record = Recorder(connection, database)
    with database.transaction(connection):
        assert record("settle", 40, database.settle, Settle(tuple(settlements))) == ()
    return [statement.text for statement in record.statements]
