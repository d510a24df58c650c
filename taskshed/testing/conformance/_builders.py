"""Tasks, claims and settlements for the tests.

A store's clock may be any clock, so the tests know only that `PAST` is over and `FUTURE` is far away. A claim
with `lease=0` has run out at once, one with an hour has not.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import anyio

from taskshed._clock import to_micros
from taskshed._mailbox import Mailbox
from taskshed._planning import Outcome, Settlement
from taskshed._records import Record, freeze
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Add, Added, ById, Change, Claim, Claimed, Lease, Renew, ScheduleChanged, Settle
from taskshed.models import Task

PAST = datetime(2001, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
FUTURE = datetime(2200, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
PAST_MICROS, FUTURE_MICROS = to_micros(PAST), to_micros(FUTURE)
HOUR = 3_600_000_000

_MARKER = Task(callback="ring", task_id="end of the notices", run_at=datetime(2210, 1, 1, tzinfo=UTC))


def due_task(task_id: str, **fields: Any) -> Task:
    """A task that has been due for long."""
    values: dict[str, Any] = {"callback": "ring", "task_id": task_id, "run_at": PAST}
    return Task(**values | fields)


def later_task(task_id: str, **fields: Any) -> Task:
    """A task that is not due yet."""
    return due_task(task_id, **{"run_at": FUTURE} | fields)


async def add(datastore: DataStore, *tasks: Task, replace: bool = True) -> Added:
    """Add tasks in one batch."""
    return await datastore.ask(Add(tuple(freeze(task) for task in tasks), replace=replace))


async def claim(datastore: DataStore, limit: int = 100, lease: int = HOUR) -> tuple[Record, ...]:
    """Claim what is due."""
    return (await datastore.ask(Claim(limit=limit, lease=lease))).records


async def claim_only(datastore: DataStore, task_id: str, lease: int = HOUR) -> Record:
    """Claim what is due, which should be this one task."""
    records = await claim(datastore, lease=lease)
    assert ids(records) == [task_id]
    return records[0]


async def add_failed(datastore: DataStore, task: Task, error: str = "ring failed") -> None:
    """Add a due task and let it fail."""
    await add(datastore, task)
    claimed = await claim_only(datastore, task.task_id)
    assert await settle(datastore, settlement(claimed, "failed", attempts=claimed.attempts, error=error)) == ()


async def peek(datastore: DataStore) -> Claimed:
    """The store's time and its next due time, nothing changed."""
    return await datastore.ask(Claim(limit=0, lease=0))


async def fetch_only(datastore: DataStore, task_id: str) -> Task:
    """The task of this id, which should exist."""
    tasks = await datastore.fetch(ById((task_id,)))
    assert ids(tasks) == [task_id]
    return tasks[0]


async def settle(datastore: DataStore, *settlements: Settlement) -> tuple[Lease, ...]:
    """Settle in one batch; the answer are the stale ones."""
    return await datastore.ask(Settle(settlements))


async def renew(datastore: DataStore, leases: tuple[Lease, ...], lease: int) -> tuple[Lease, ...]:
    """Renew leases, none of which is cancelled; the answer are the stale ones."""
    answer = await datastore.ask(Renew(leases, lease))
    assert answer.cancelled == ()
    return answer.stale


def settlement(record: Record, outcome: Outcome, **fields: Any) -> Settlement:
    """How a claimed occurrence ended; it stays where it is unless `run_at` is given."""
    values: dict[str, Any] = {"task_id": record.task_id, "token": record.token, "run_at": record.run_at}
    return Settlement(outcome=outcome, **values | fields)


def failure_of(task: Task) -> dict[str, Any]:
    """What a task tells of its last failure."""
    return {name: getattr(task, name) for name in ("error", "traceback", "failed_at")}


def lease_of(record: Record) -> Lease:
    """What a claim has to show."""
    return Lease(record.task_id, record.token)


def ids(things: Iterable[Task | Record | Lease]) -> list[str]:
    """The task ids, in order."""
    return [thing.task_id for thing in things]


@contextmanager
def listening(datastore: DataStore) -> Iterator[Mailbox[Change]]:
    """A mailbox that is told what may have become due earlier."""
    mailbox: Mailbox[Change] = Mailbox(1000)
    try:
        with datastore.subscribed(mailbox):
            yield mailbox
    finally:
        mailbox.discard()


async def heard(datastore: DataStore, mailbox: Mailbox[Change]) -> list[int]:
    """The due times told since the last call.

    A reply may overtake the notice of the same command, so a marker is added to see that all have come.
    """
    await add(datastore, _MARKER)
    times: list[int] = []
    with anyio.fail_after(10):
        while to_micros(_MARKER.run_at) not in times:
            times += [change.earliest for change in await mailbox.receive() if isinstance(change, ScheduleChanged)]
    return [time for time in times if time != to_micros(_MARKER.run_at)]
