"""A scheduler process under faults: it adds, moves, pauses and resumes tasks until its input ends.

It writes of what was acknowledged, and before what may or may not happen to a task. When its input has ended it resumes
all that is paused, and says that it is done. A line of input is `files` and how large they may get.
"""

import logging
import random
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio
from anyio import to_thread
from chaos.lines import limit_files, log_to, say
from chaos.stores import a_store, add_store_arguments, seconds

import taskshed
from taskshed import Task
from taskshed._clock import duration_micros, to_micros
from taskshed.errors import DatastoreError, TaskNotFoundError
from taskshed.models import TaskExecutionTime
from taskshed.schedulers import AsyncScheduler

PACE = 0.1  # seconds between two rounds
BATCH = 3
RECURRING = 8
SHORT, LONG = (0.0, 0.2), (0.5, 1.6)  # how long runs take, in leases
SECOND = timedelta(seconds=1)
LATE = 3 * SECOND  # when tasks are due that may be moved: they are so to an earlier time
PAUSE = 0.7  # seconds


class Adder:
    """Does one thing after another with a scheduler; what is refused is refused.

    Args:
        lease: that of the workers, in seconds.
    """

    def __init__(self, scheduler: AsyncScheduler, lease: float, end_at: datetime, chance: random.Random) -> None:
        self._scheduler = scheduler
        self._lease = lease
        self._end_at = end_at
        self._chance = chance
        self._movable: list[str] = []
        self._recurring: list[str] = []
        self._paused: dict[str, float] = {}
        self._round = 0

    async def round(self) -> None:
        self._round += 1
        if len(self._recurring) < RECURRING:
            await self.add_recurring()
        await self.add_batch()
        await self.add_one()
        if self._round % 5 == 0:
            await self.move()
        if self._round % 7 == 0:
            await self.pause()
        await self.resume(anyio.current_time())

    async def finish(self) -> None:
        """Resume all that is paused."""
        while self._paused:
            await self.resume(float("inf"))
            await anyio.sleep(PACE)

    async def add_batch(self) -> None:
        tasks = [self._one_off(self._chance.uniform(0, 2)) for _ in range(BATCH)]
        if await succeeds(lambda: self._scheduler.add_tasks(tasks)):
            for task in tasks:
                say("once", task.task_id, to_micros(task.run_at))

    async def add_one(self) -> None:
        due = self._chance.choice([0.0, LATE / SECOND])
        task = self._one_off(due)
        if await succeeds(lambda: self._scheduler.add_tasks([task])):
            say("once", task.task_id, to_micros(task.run_at))
            if due:
                self._movable.append(task.task_id)

    async def add_recurring(self) -> None:
        """Add one of which every occurrence has to be run, sooner or later."""
        task = Task(
            callback="work",
            run_at=datetime.now(UTC) + self._chance.random() * SECOND,
            kwargs={"lasts": self._lasts()},
            interval=self._chance.uniform(0.4, 1.5) * SECOND,
            end_at=self._end_at,
            coalesce=False,
            overlap="queue",
        )
        assert task.interval is not None
        assert task.end_at is not None
        if task.run_at < task.end_at and await succeeds(lambda: self._scheduler.add_tasks([task])):
            times = (to_micros(task.run_at), duration_micros(task.interval), to_micros(task.end_at))
            say("recurring", task.task_id, *times)
            self._recurring.append(task.task_id)

    async def move(self) -> None:
        if not self._movable:
            return
        task_id = self._movable.pop(0)
        run_at = datetime.now(UTC) + self._chance.uniform(0, 2) * SECOND
        time = TaskExecutionTime(task_id=task_id, run_at=run_at)
        say("moving", task_id)
        if await succeeds(lambda: self._scheduler.update_execution_times(tasks=[time])):
            say("moved", task_id, to_micros(time.run_at))

    async def pause(self) -> None:
        several = [*self._recurring, *self._movable]
        if not several:
            return
        task_id = self._chance.choice(several)
        say("pausing", task_id)
        # Also if that fails: nobody knows whether it did.
        self._paused[task_id] = anyio.current_time() + PAUSE
        await succeeds(lambda: self._scheduler.pause_tasks(task_ids=[task_id]))

    async def resume(self, now: float) -> None:
        for task_id, until in list(self._paused.items()):
            if until <= now and await is_over(lambda: self._scheduler.resume_tasks(task_ids=[task_id])):  # noqa: B023
                del self._paused[task_id]

    def _one_off(self, due: float) -> Task:
        return Task(callback="work", run_at=datetime.now(UTC) + due * SECOND, kwargs={"lasts": self._lasts(one_in=10)})

    def _lasts(self, one_in: int = 0) -> float:
        """How long a run takes: mostly shortly, but one in so many long."""
        between = LONG if one_in and self._chance.randrange(one_in) == 0 else SHORT
        return self._chance.uniform(*between) * self._lease


async def succeeds(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except TaskNotFoundError:
        return False
    except DatastoreError as error:
        logging.getLogger("chaos").warning("refused: %s", error)
        say("refused")
        return False
    return True


async def is_over(call: Callable[[], Awaitable[object]]) -> bool:
    """Whether it was done, or there is nothing any more to do it with."""
    try:
        await call()
    except TaskNotFoundError:
        return True
    except DatastoreError:
        say("refused")
        return False
    return True


async def main(options: Namespace) -> None:
    ended = anyio.Event()
    async with taskshed.open_scheduler(a_store(options)) as scheduler, anyio.create_task_group() as tasks:
        end_at = datetime.now(UTC) + options.seconds
        adder = Adder(scheduler, options.lease / SECOND, end_at, random.Random(options.seed))

        async def add() -> None:
            while not ended.is_set():
                await adder.round()
                await anyio.sleep(PACE)
            await adder.finish()
            say("done")

        say("adding")
        tasks.start_soon(add)
        while line := await to_thread.run_sync(sys.stdin.readline):
            limit_files(int(line.split()[1]))
        ended.set()


if __name__ == "__main__":
    parser = ArgumentParser()
    add_store_arguments(parser)
    parser.add_argument("--lease", type=seconds, required=True)
    parser.add_argument("--seconds", type=seconds, required=True, help="how long it lasts")
    parser.add_argument("--seed", required=True)
    options = parser.parse_args()
    log_to(options.log)
    anyio.run(main, options, backend=options.backend)
