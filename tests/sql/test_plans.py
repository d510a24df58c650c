"""With a million tasks in the table, no statement of the store looks at more of them than it needs."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from databases import own_tables
from sql.plans import HOUR, Recorder, Statement, explain, fill, on_tables, undone
from sqlalchemy import Connection

from taskshed._planning import Outcome, Settlement
from taskshed._records import Record
from taskshed.datastores import SQLDataStore
from taskshed.datastores._sql._database import Database
from taskshed.datastores._sql._postgresql import PostgreSQL
from taskshed.datastores.commands import (
    Add,
    ById,
    Cancel,
    Changed,
    Claim,
    Failed,
    InGroup,
    Lease,
    Move,
    Note,
    Pause,
    Remove,
    Renew,
    Renewed,
    Resume,
    Retry,
    Settle,
)

pytestmark = pytest.mark.anyio

BATCH = 500

# The most tasks that a statement may look at: about the next one, about a batch, about a group of 100,000. MariaDB
# guesses, and may guess at twice as many.
ONE, SOME, MANY = 100, 5_000, 300_000

# Groups of 100,000, 5,000 and 1,000 tasks spread among the others, and one of 100,000 with the last ids, as if it had
# just been added.
GROUPS = """
    CASE WHEN n >= 900000 THEN 'last' WHEN n % 9 = 0 THEN 'many'
    WHEN n % 180 = 4 THEN 'some' WHEN n % 900 = 1 THEN 'few' END
"""
PAUSED = "n % 9 = 2"
LAST_PAGES = {"many": "1890000", "some": "1890000", "few": "1890000", "last": "1998500"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "tasks.db"
    yield f"sqlite:///{file}"
    file.unlink()  # pytest keeps what is left, and it is big


@pytest.mark.parametrize("fixture", ["fresh_postgres_url", "fresh_mysql_url", "sqlite_url"])
async def test_no_statement_looks_at_a_million_tasks(request: pytest.FixtureRequest, fixture: str) -> None:
    config = own_tables(request.getfixturevalue(fixture), timeout=timedelta(minutes=5))
    async with SQLDataStore(config):
        pass  # it has made the tables
    faults = await on_tables(config, find_faults)
    assert not faults, "\n".join(faults)


def find_faults(connection: Connection, database: Database) -> list[str]:
    """What is wrong with the plans, before and after the database has made statistics."""
    fill(connection, database, 1000, GROUPS, PAUSED)
    add_what_is_due(connection, database)
    before = [f"without statistics, {fault}" for fault in explained(connection, database)]
    analyze = {"postgresql": "ANALYZE", "mysql": "ANALYZE TABLE", "sqlite": "ANALYZE"}[connection.dialect.name]
    connection.exec_driver_sql(f"{analyze} {database.tasks.name}")
    connection.commit()
    return before + [f"with statistics, {fault}" for fault in explained(connection, database)]


def explained(connection: Connection, database: Database) -> list[str]:
    with undone(connection, database):
        statements = recorded(connection, database)
    with undone(connection, database):
        return [fault for statement in statements for fault in explain(connection, database, statement)]


def add_what_is_due(connection: Connection, database: Database) -> None:
    now = database.now(connection)
    connection.commit()
    records = [Record(task_id=f"due-{n}", group_id="due", body="{}", run_at=now - HOUR + n) for n in range(1000)]
    database.execute(connection, [Add(tuple(records))], "")


def recorded(connection: Connection, database: Database) -> list[Statement]:
    """The statements of all that the store does."""
    record = Recorder(connection, database)
    work_on_claims(database, record)
    task_ids = tuple(str(1_000_000 + 1999 * n) for n in range(BATCH))
    record("move", SOME, database.move, Move(dict.fromkeys(task_ids, HOUR)))
    record("fetch by id", SOME, database.fetch, ById(task_ids))
    record("look", ONE, database.sight)
    for kind in (Pause, Resume, Retry, Cancel, Remove):
        record(f"{kind.__name__} by id", SOME, database.carry_out, kind(ById(task_ids)))
    for group_id, last_page in LAST_PAGES.items():
        record(f"fetch {group_id}", MANY, database.fetch, InGroup(group_id))
        for kind in (Pause, Resume, Retry, Cancel, Remove):
            record(f"{kind.__name__} {group_id}", MANY, database.carry_out, kind(InGroup(group_id)))
            page = InGroup(group_id, after=last_page)
            record(f"{kind.__name__} the last page of {group_id}", MANY, database.carry_out, kind(page))
    for kind in (Retry, Remove):
        record(f"{kind.__name__} what has failed", SOME, database.carry_out, kind(Failed()))
        record(f"{kind.__name__} what has failed long ago", SOME, database.carry_out, kind(Failed(age=HOUR)))
    return record.statements


def work_on_claims(database: Database, record: Recorder) -> None:
    record("next wake-up", ONE, database.next_due)
    claimed = record("claim", SOME, database.claim, Claim(limit=BATCH, lease=HOUR))
    leases = tuple(Lease(taken.task_id, taken.token) for taken in claimed.records)
    assert len(leases) == BATCH
    assert record("renew", SOME, database.renew, Renew(leases, HOUR)) == Renewed()
    record("note", ONE, database.note, Note(leases[0].task_id, "boom"))
    outcomes: list[Outcome] = ["done", "next", "failed", "released"]
    for number, outcome in enumerate(outcomes):
        settlements = [
            Settlement(task_id=lease.task_id, token=lease.token, outcome=outcome, run_at=claimed.now + HOUR)
            for lease in leases[number :: len(outcomes)]
        ]
        assert record(f"settle as {outcome}", SOME, database.settle, Settle(tuple(settlements))) == ()
    if isinstance(database, PostgreSQL):
        for when, earliest in {"sooner": claimed.now + HOUR // 2, "later": claimed.now + 10**6 * HOUR}.items():
            record(
                f"notify of what is due {when} than all others",
                ONE,
                database.notify,
                [Move({})],
                [Changed(earliest=earliest)],
                "",
            )
