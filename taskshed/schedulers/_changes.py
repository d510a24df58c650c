from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from taskshed._clock import to_micros
from taskshed.datastores._actor import DataStore
from taskshed.datastores.commands import Cancel, Changed, Everything, Move, Pause, Remove, Resume, Retry
from taskshed.errors import TaskNotFoundError
from taskshed.models import Task, TaskExecutionTime
from taskshed.schedulers._selectors import selection, selection_or_failed


class Changes:
    """What can be done to tasks that exist."""

    _datastore: DataStore

    async def pause_tasks(self, *, task_ids: Iterable[str] | None = None, group_id: str | None = None) -> None:
        """Let no new run of these tasks begin until they are resumed; runs that have begun go on.

        Raises:
            TaskNotFoundError: an id does not exist; the others are paused.
        """
        _check_found(await self._datastore.ask(Pause(selection(task_ids, group_id))))

    async def resume_tasks(self, *, task_ids: Iterable[str] | None = None, group_id: str | None = None) -> None:
        """Let paused tasks run again; what they missed is made up for according to their `coalesce`.

        Raises:
            TaskNotFoundError: an id does not exist; the others are resumed.
        """
        _check_found(await self._datastore.ask(Resume(selection(task_ids, group_id))))

    async def retry_tasks(
        self,
        *,
        task_ids: Iterable[str] | None = None,
        group_id: str | None = None,
        status: Literal["failed"] | None = None,
    ) -> None:
        """Let failed tasks run now, as if for the first time; of the others with these ids, none is changed.

        Raises:
            TaskNotFoundError: an id does not exist; the others are tried again.
        """
        _check_found(await self._datastore.ask(Retry(selection_or_failed(task_ids, group_id, status))))

    async def cancel_tasks(self, *, task_ids: Iterable[str] | None = None, group_id: str | None = None) -> None:
        """Stop the runs of these tasks that are under way, wherever they run; returns when they have been told to.

        A callback is cancelled like anything else on its event loop, so what it does to clean up is done. Then a
        one-off is kept as failed, and a recurring task goes on with its next occurrence; both tell of it in `error`,
        and neither is tried again. What does not run is left as it is: `pause_tasks` and `remove_tasks` are for that.

        Raises:
            TaskNotFoundError: an id does not exist; the others are cancelled.
        """
        _check_found(await self._datastore.ask(Cancel(selection(task_ids, group_id))))

    async def remove_tasks(
        self,
        *,
        task_ids: Iterable[str] | None = None,
        group_id: str | None = None,
        status: Literal["failed"] | None = None,
        older_than: timedelta | None = None,
    ) -> None:
        """Delete these tasks; ids that do not exist are ignored, and runs that have begun go on to their end.

        Args:
            status: "failed" selects what has failed.
            older_than: of these, only those that failed so long ago or longer.
        """
        await self._datastore.ask(Remove(selection_or_failed(task_ids, group_id, status, older_than)))

    async def remove_all_tasks(self) -> None:
        """Delete every task of the datastore."""
        await self._datastore.ask(Remove(Everything()))

    async def update_execution_times(self, *, tasks: Iterable[TaskExecutionTime | Task]) -> None:
        """Move tasks to a new `run_at`; from there, an `interval` goes on, and `cron` comes as it comes.

        A failed task is scheduled anew, a paused one stays paused. A run that has begun goes on, and its end does not
        change the new time.

        Raises:
            TaskNotFoundError: an id does not exist; the others are moved.
        """
        times: dict[str, int] = {}
        for task in tasks:
            if not isinstance(task, (TaskExecutionTime, Task)):
                raise TypeError(f"tasks must be TaskExecutionTime objects, not {task!r}")
            times[task.task_id] = to_micros(task.run_at)
        _check_found(await self._datastore.ask(Move(times)))


def _check_found(changed: Changed) -> None:
    if changed.missing:
        raise TaskNotFoundError(changed.missing)
