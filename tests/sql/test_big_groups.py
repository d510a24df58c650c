"""A group of 100,000 tasks is changed in many transactions, and others work meanwhile."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from core.claims import verdict
from databases import own_tables
from sql.plans import HOUR, Recorder, explain, fill, on_tables, undone
from sqlalchemy import Connection, case, func, select

from taskshed._planning import Run, Settlement, settle
from taskshed._records import Record
from taskshed.datastores import DataStore, SQLConfig, SQLDataStore
from taskshed.datastores._sql._database import Database
from taskshed.datastores._sql._storage import SQLStorage
from taskshed.datastores.commands import Add, Claim, Command, InGroup, Pause, Remove, Resume, Settle

pytestmark = pytest.mark.anyio

logger = logging.getLogger(__name__)  # for who wants to see how long it took: --log-cli-level=INFO

BIG = 100_000
TRANSACTION = 5_000  # tasks that one may change, if others are not to wait long

# In another group and in none there are 10,000 each; their ids lie between those of the big group.
GROUPS = "CASE WHEN n % 6 < 5 THEN 'big' WHEN n % 12 = 5 THEN 'other' END"

# group: how many tasks, how many of them paused, how many due when they shall run
Counts = dict[str | None, tuple[int, int, int]]
OTHERS: Counts = {"other": (10_000, 0, 10_000), None: (10_000, 0, 10_000)}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tasks.db'}"


def done(record: Record, now: int) -> Settlement:
    """The end of a run that took no time."""
    run = verdict(record, now)
    assert isinstance(run, Run)
    return settle(run, "succeeded", now)


class TimedStorage(SQLStorage):
    """Notes the seconds that each transaction takes, waiting for others included."""

    def __init__(self, config: SQLConfig) -> None:
        super().__init__(config)
        self.took: list[float] = []

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        began = time.perf_counter()
        answers = await super().execute(commands)
        self.took.append(time.perf_counter() - began)
        return answers


class Worker:
    """Adds, claims and settles tasks that are in no group, for as long as something else takes."""

    def __init__(self, datastore: DataStore) -> None:
        self._datastore = datastore
        self.rounds = 0
        self.took: list[float] = []

    async def during(self, change: Callable[[], Awaitable[Any]]) -> None:
        """Work while `change` is under way; each call has to succeed."""
        self.rounds, self.took = 0, []
        over = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._work, over)
            await change()
            over.set()

    async def _work(self, over: anyio.Event) -> None:
        records = tuple(Record(task_id=f"1050000-{n}", body='{"callback":"greet"}', run_at=n) for n in range(10))
        while not over.is_set():
            assert (await self._ask(Add(records, replace=False))).kept == ()
            claimed = await self._ask(Claim(limit=100, lease=HOUR))
            assert [record.task_id for record in claimed.records] == [record.task_id for record in records]
            assert await self._ask(Settle(tuple(done(record, claimed.now) for record in claimed.records))) == ()
            self.rounds += not over.is_set()

    async def _ask(self, command: Command[Any]) -> Any:
        began = time.perf_counter()
        answer = await self._datastore.ask(command)
        self.took.append(time.perf_counter() - began)
        return answer


def counts(connection: Connection, database: Database) -> Counts:
    """What is in the table that nobody has claimed."""
    columns = database.tasks.c
    on_time = func.count(case((columns.due == columns.run_at, 1)))
    query = select(columns.group_id, func.count(), func.count(columns.paused_at), on_time).group_by(columns.group_id)
    unclaimed = query.where(columns.token == 0, columns.attempts == 0)
    return {group_id: (number, paused, due) for group_id, number, paused, due in connection.execute(unclaimed)}


def faults(connection: Connection, database: Database) -> list[str]:
    """What is wrong with the way in which a part of the big group is looked up."""
    record = Recorder(connection, database)
    with undone(connection, database):
        record("pause a page", 2 * BIG, database.pause, Pause(InGroup("big", after="1050000")))
        return [fault for statement in record.statements for fault in explain(connection, database, statement)]


CHANGES: dict[Command[Any], Counts] = {
    Pause(InGroup("big")): {"big": (BIG, BIG, 0)},
    Resume(InGroup("big")): {"big": (BIG, 0, BIG)},
    Remove(InGroup("big")): {},
}


@pytest.mark.parametrize("fixture", ["postgres_url", "mysql_url", "sqlite_url"])
async def test_others_work_while_a_big_group_is_changed(request: pytest.FixtureRequest, fixture: str) -> None:
    config = own_tables(request.getfixturevalue(fixture))
    storage = TimedStorage(config)
    async with DataStore(storage) as datastore, SQLDataStore(config) as another:
        await on_tables(config, lambda connection, database: fill(connection, database, 120, GROUPS))
        assert await on_tables(config, counts) == OTHERS | {"big": (BIG, 0, BIG)}
        assert await on_tables(config, faults) == []
        worker = Worker(another)
        for command, expected in CHANGES.items():
            storage.took.clear()
            await worker.during(partial(datastore.ask, command))
            assert await on_tables(config, counts) == OTHERS | expected
            assert len(storage.took) >= BIG / TRANSACTION
            assert worker.rounds or fixture == "sqlite_url"  # it has one writer at a time, and its lock is not fair
            measured = (type(command).__name__, len(storage.took), max(storage.took), worker.rounds, max(worker.took))
            logger.info("%s: %d transactions, longest %.3f s; others: %d rounds, longest call %.3f s", *measured)
