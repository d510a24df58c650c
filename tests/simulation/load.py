"""What users do with their tasks, by a generator: add, replace, move, pause, resume and remove them."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import anyio
import msgspec
from simulation.processes import Process
from simulation.world import MILLISECOND, SECOND, World

from taskshed._clock import clock_of_context, from_micros, to_micros
from taskshed.errors import TaskNotFoundError
from taskshed.models import RetryPolicy, Task, TaskExecutionTime
from taskshed.schedulers import AsyncScheduler

GROUPS = ("red", "green")


class Operation(msgspec.Struct):
    """Something that a user has asked for.

    Attributes:
        effects: what is to be done in the store, as `History.effects` has it.
        over_at: when the answer came.
        acknowledged: whether it was said that it was done.
        refused: whether it was said that nothing was changed.
    """

    process: Process
    effects: list[tuple[Any, ...]]
    called_at: int
    over_at: int | None = None
    acknowledged: bool = False
    refused: bool = False


class Load:
    """Makes up what users do, has it done by the processes that live, and keeps what they were told.

    Args:
        lease: of the workers, in microseconds.
        processes: those that take calls at present.
    """

    def __init__(self, world: World, lease: int, processes: Callable[[], list[Process]]) -> None:
        self.operations: list[Operation] = []
        self._world = world
        self._random: Random = world.random
        self._lease = lease
        self._processes = processes
        self._generation = 0
        self._ids: list[str] = []

    async def run(self, user: Process, until: int) -> None:
        """Do this and that until then."""
        pause = until // self._random.randrange(10, 40)
        async with anyio.create_task_group() as calls:
            while self._world.now < until:
                processes = self._processes()
                if processes:
                    effects, call = self._make_up()
                    calls.start_soon(self._ask, self._random.choice(processes), effects, call)
                if self._random.random() < 0.7:
                    await user.sleep(min(round(self._random.expovariate(1 / pause)), until))

    async def _ask(
        self, process: Process, effects: list[tuple[Any, ...]], call: Callable[[AsyncScheduler], Any]
    ) -> None:
        scheduler = process.scheduler
        assert scheduler is not None
        operation = Operation(process, effects, self._world.now)
        self.operations.append(operation)
        self._world.note(process, f"is asked to {effects}")
        patience = self._random.randrange(5 * SECOND) if self._random.random() < 0.05 else None
        deadline = None if patience is None else process.clock.monotonic() + patience
        answer = "somebody lost patience"
        with clock_of_context(process.clock), process.clock.move_on_at(deadline):
            try:
                await call(scheduler)
                operation.acknowledged = not process.dead
                answer = "done"
            except TaskNotFoundError:
                answer = "there is none"
            except Exception as error:
                operation.refused = "nothing was changed" in str(error)
                answer = str(error)
        operation.over_at = self._world.now
        self._world.note(process, f"answers to {effects}: {answer}")

    def _make_up(self) -> tuple[list[tuple[Any, ...]], Callable[[AsyncScheduler], Any]]:
        if not self._ids or self._random.random() < 0.5:
            return self._add(self._random.choice((1, 1, 1, 3)))
        task_id = self._random.choice(self._ids)
        match self._random.choice(("replace", "keep", "move", "move", "pause", "resume", "resume", "remove")):
            case "replace":
                return self._add(1, task_id)
            case "keep":
                task = self._task(task_id)
                return [], lambda scheduler: scheduler.add_tasks([task], replace_existing=False)
            case "move":
                run_at = from_micros(self._world.wall + self._random.randrange(-5 * SECOND, 40 * SECOND))
                times = [TaskExecutionTime(task_id=task_id, run_at=run_at)]
                effects: list[tuple[Any, ...]] = [("move", task_id, to_micros(run_at))]
                return effects, lambda scheduler: scheduler.update_execution_times(tasks=times)
            case "pause":
                return self._change("pause", task_id)
            case "resume":
                return self._change("resume", task_id)
            case _:
                return [("remove", task_id)], lambda scheduler: scheduler.remove_tasks(task_ids=[task_id])

    def _change(self, what: str, task_id: str) -> tuple[list[tuple[Any, ...]], Callable[[AsyncScheduler], Any]]:
        if self._random.random() < 0.1:
            group_id = self._random.choice(GROUPS)
            return [], lambda scheduler: getattr(scheduler, f"{what}_tasks")(group_id=group_id)
        return [(what, task_id)], lambda scheduler: getattr(scheduler, f"{what}_tasks")(task_ids=[task_id])

    def _add(
        self, number: int, task_id: str | None = None
    ) -> tuple[list[tuple[Any, ...]], Callable[[AsyncScheduler], Any]]:
        tasks = [self._task(task_id or self._new_id()) for _ in range(number)]
        effects: list[tuple[Any, ...]] = [("add", task.task_id, task.kwargs["generation"]) for task in tasks]
        return effects, lambda scheduler: scheduler.add_tasks(tasks)

    def _new_id(self) -> str:
        self._ids.append(f"t{len(self._ids)}")
        return self._ids[-1]

    def _task(self, task_id: str) -> Task:
        chance = self._random
        self._generation += 1
        run_at = self._world.wall + chance.choice((0, chance.randrange(-3 * SECOND, 30 * SECOND)))
        fields: dict[str, Any] = {}
        takes = chance.choice((0, 0, 0, chance.randrange(SECOND), chance.randrange(5 * SECOND)))
        if chance.random() < 0.1:
            takes = chance.randrange(self._lease, 4 * self._lease)
        if chance.random() < 0.15:
            every = chance.randrange(4 * SECOND, 25 * SECOND)
            fields = {"interval": timedelta(microseconds=every), "coalesce": chance.random() < 0.5}
            if chance.random() < 0.5:
                fields["overlap"] = "queue"
            if not fields["coalesce"] or "overlap" in fields:
                takes = min(takes, every // 2)  # so that it can catch up
        fails = chance.random() < 0.15
        if fails and not fields and chance.random() < 0.5:
            fields["retry"] = RetryPolicy(max_attempts=3, delay=timedelta(seconds=2))
        return Task(
            callback="work",
            task_id=task_id,
            group_id=chance.choice((None, *GROUPS)),
            run_at=from_micros(run_at // MILLISECOND * MILLISECOND),
            paused=chance.random() < 0.05,
            kwargs={"generation": self._generation, "takes": takes, "fails": fails},
            **fields,
        )
