"""What the topics with real workers share."""

from datetime import datetime

from taskshed._clock import from_micros
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Everything
from taskshed.models import Task
from taskshed.testing.conformance._builders import peek
from taskshed.workers import Worker


async def present(datastore: DataStore) -> datetime:
    """The store's present time."""
    return from_micros((await peek(datastore)).now)


async def work_off(datastore: DataStore, *workers: Worker) -> None:
    """Return when nobody has anything left to do; what one worker leaves may be in the hands of another."""
    busy = True
    while busy:
        for worker in workers:
            await worker.work_off()
        now = await present(datastore)
        busy = any(_is_open(task, now) for task in await datastore.fetch(Everything()))


def _is_open(task: Task, now: datetime) -> bool:
    return task.status == "running" or (task.status == "scheduled" and task.run_at + task.delayed <= now)
