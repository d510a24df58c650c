"""The shared database as the tests themselves use it, between their other deeds."""

from collections.abc import Iterable

import anyio

from taskshed import Task, open_scheduler
from taskshed._open import open_datastore
from taskshed.datastores.commands import Everything


def schedule(database: str, tasks: Iterable[Task]) -> None:
    """Add tasks in one transaction."""

    async def add() -> None:
        async with open_scheduler(database) as scheduler:
            await scheduler.add_tasks(tasks)

    anyio.run(add)


def schedule_some(database: str, count: int) -> list[str]:
    """Add tasks that are due now; returns their ids."""
    tasks = [Task(callback="note") for _ in range(count)]
    schedule(database, tasks)
    return [task.task_id for task in tasks]


def stored(database: str) -> list[Task]:
    """All tasks."""

    async def fetch() -> list[Task]:
        async with open_datastore(database) as datastore:
            return await datastore.fetch(Everything())

    return anyio.run(fetch)
