"""A scheduler process for the tests beside it: it adds tasks, in batches and singly, until its input ends.

They are due at once or up to a second later. It says which it has added, and when that was all.

Usage: adding.py DATABASE BACKEND
"""

import os
import random
import sys
from datetime import UTC, datetime, timedelta

import anyio
from anyio import to_thread

from taskshed import Task, open_scheduler
from taskshed.schedulers import AsyncScheduler

PACE = 0.05  # seconds between two rounds, so that workers keep up
SECOND = timedelta(seconds=1)


def a_time() -> datetime:
    return datetime.now(UTC) + random.choice([0, random.random()]) * SECOND


def say_added(tasks: list[Task]) -> None:
    os.write(1, f"added {' '.join(task.task_id for task in tasks)}\n".encode())


async def add(scheduler: AsyncScheduler, ended: anyio.Event) -> None:
    while not ended.is_set():
        batch = [Task(callback="note", run_at=a_time()) for _ in range(20)]
        await scheduler.add_tasks(batch)
        say_added(batch)
        for _ in range(5):
            say_added([await scheduler.add_task("note", a_time())])
        with anyio.move_on_after(PACE):
            await ended.wait()
    os.write(1, b"done\n")


async def main(database: str) -> None:
    ended = anyio.Event()
    async with open_scheduler(database) as scheduler, anyio.create_task_group() as tasks:
        tasks.start_soon(add, scheduler, ended)
        await to_thread.run_sync(sys.stdin.read)
        ended.set()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend=sys.argv[2])
