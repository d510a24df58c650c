from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Literal, Unpack

from taskshed._broadcast import Events
from taskshed._host import Component
from taskshed._json import MAX_KWARGS_SIZE
from taskshed.datastores._actor import DataStore
from taskshed.datastores.commands import Add, ById, Everything
from taskshed.errors import TaskNotFoundError
from taskshed.models import PlannedRun, RunType, Task, check_name, whole
from taskshed.schedulers._adding import TaskFields, addition, as_added, make_task
from taskshed.schedulers._changes import Changes
from taskshed.schedulers._selectors import selection_or_failed
from taskshed.schedules import Cron
from taskshed.workers._base import Worker
from taskshed.workers._callbacks import Callback


class AsyncScheduler(Changes, Component):
    """Adds, finds, changes and removes the tasks of a datastore.

    Args:
        datastore: where the tasks are; it is started and kept running with the scheduler.
        worker: runs them, if that is to happen in this process; it is started with the scheduler, and a task that
            names a callback it does not know is refused.
        max_kwargs_size: how many bytes the arguments of a task may take as JSON.

    Every call checks its arguments first (`ValueError`, `TypeError`) and changes all or nothing. All raise
    `NotRunningError` outside of `start` and `shutdown`, and `DatastoreError` if the datastore fails.
    """

    def __init__(
        self, datastore: DataStore, worker: Worker | None = None, *, max_kwargs_size: int = MAX_KWARGS_SIZE
    ) -> None:
        super().__init__()
        if not isinstance(datastore, DataStore):
            raise TypeError(f"datastore must be a DataStore such as InMemoryDataStore(), not {datastore!r}")
        if worker is not None and not isinstance(worker, Worker):
            raise TypeError(f"worker must be an EventDrivenWorker or a PollingWorker, not {worker!r}")
        whole(least=2)("max_kwargs_size", max_kwargs_size)
        self._datastore = datastore
        self._worker = worker
        self._max_kwargs_size = max_kwargs_size

    def __repr__(self) -> str:
        return f"<AsyncScheduler datastore={self._datastore!r} worker={self._worker!r}>"

    @property
    def datastore(self) -> DataStore:
        """Where the tasks are."""
        return self._datastore

    @property
    def worker(self) -> Worker | None:
        """Who runs the tasks in this process, if anybody does."""
        return self._worker

    async def add_task(
        self,
        callback: str,
        run_at: datetime | None = None,
        kwargs: Mapping[str, Any] | None = None,
        run_type: RunType | None = None,
        interval: timedelta | None = None,
        task_id: str | None = None,
        group_id: str | None = None,
        paused: bool = False,
        coalesce: bool = True,
        *,
        replace_existing: bool = True,
        connection: Any = None,
        **fields: Unpack[TaskFields],
    ) -> Task:
        """Schedule a task; most arguments are the fields of `Task`.

        Args:
            fields: `cron` and `timezone`, `misfire_grace`, `overlap`, `jitter`, `end_at`, `max_runs`, `fixed_delay`,
                `retry`, `timeout`.
            replace_existing: False leaves a task with the same id as it is.
            connection: your own SQLAlchemy connection or session, plain or asyncio's, to the database of an
                `SQLDataStore`: the task is written in your transaction, and exists if and only if you commit.

        Returns:
            The task as it is stored afterwards.

        Raises:
            IncorrectCallbackNameError: the scheduler's worker has no such callback.
        """
        given: dict[str, Any] = {
            "callback": callback,
            "run_at": run_at,
            "kwargs": kwargs,
            "run_type": run_type,
            "interval": interval,
            "task_id": task_id,
            "group_id": group_id,
            "paused": paused,
            "coalesce": coalesce,
        }
        task = make_task(given, fields)
        command = self._command((task,), replace_existing)
        if connection is not None:
            _, kept = await self._datastore.add_within(connection, command)
            return kept[0] if kept else as_added(task, command)
        while (await self._datastore.ask(command)).kept:
            if existing := await self._datastore.fetch(ById((task.task_id,))):
                return existing[0]
        return as_added(task, command)

    async def add_tasks(self, tasks: Iterable[Task], *, replace_existing: bool = True, connection: Any = None) -> None:
        """Schedule many tasks in one transaction; arguments and errors are those of `add_task`.

        If it raises, none is added.
        """
        tasks = tuple(tasks)
        for task in tasks:
            if not isinstance(task, Task):
                raise TypeError(f"tasks must be Task objects, not {task!r}")
        command = self._command(tasks, replace_existing)
        if connection is None:
            await self._datastore.ask(command)
        else:
            await self._datastore.add_within(connection, command)

    async def fetch_tasks(
        self,
        *,
        task_ids: Iterable[str] | None = None,
        group_id: str | None = None,
        status: Literal["failed"] | None = None,
    ) -> list[Task]:
        """The tasks with these ids, in this order and less those that do not exist; else by `run_at`.

        Args:
            status: "failed" selects what has failed.
        """
        return await self._datastore.fetch(selection_or_failed(task_ids, group_id, status))

    async def fetch_all_tasks(self) -> list[Task]:
        """Every task of the datastore, by when it is due."""
        return await self._datastore.fetch(Everything())

    async def preview(self, task: Task | str, n: int = 5) -> list[PlannedRun]:
        """The next `n` runs of a task, or of the stored task with this id, as `Task.next_runs` tells them.

        Raises:
            TaskNotFoundError: the id does not exist.
            TypeError, ValueError: `n` is no number from 1 up.
        """
        if not isinstance(task, Task):
            check_name("task", task)
            found = await self._datastore.fetch(ById((task,)))
            if not found:
                raise TaskNotFoundError((task,))
            task = found[0]
        schedule = task.schedule
        return [
            PlannedRun(run_at=run_at, local=schedule.local(run_at) if isinstance(schedule, Cron) else run_at)
            for run_at in task.next_runs(n)
        ]

    @asynccontextmanager
    async def events(self, size: int = 1000) -> AsyncIterator[Events]:
        """Listen to what happens to tasks: what schedulers of this datastore object do, and what its workers do.

        Iterate over it with `async for`; `taskshed.events` lists what comes. It ends when the datastore does.

        Args:
            size: how many events may wait. Of those that do not fit you are told the number, and nobody waits for you.
        """
        whole(least=1)("size", size)
        with self._datastore.events.listening(size) as events:
            yield events

    def add_callback(self, callback_name: str, callback: Callback) -> None:
        """Register one more callback with the scheduler's worker.

        Raises:
            RuntimeError: the scheduler has no worker.
            TypeError: it is no coroutine function.
            ValueError: the name is taken.
        """
        if self._worker is None:
            raise RuntimeError("this scheduler has no worker; give the callback to the worker that runs the tasks")
        self._worker.add_callback(callback_name, callback)

    def _command(self, tasks: tuple[Task, ...], replace_existing: bool) -> Add:
        if self._worker is not None:
            self._worker.callbacks.check(task.callback for task in tasks)
        return addition(tasks, replace_existing, self._max_kwargs_size)

    def _parts(self) -> tuple[Component, ...]:
        return (self._datastore,) if self._worker is None else (self._datastore, self._worker)

    @asynccontextmanager
    async def _lifetime(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for part in self._parts():
                await stack.enter_async_context(part.held_by(self))
            yield
