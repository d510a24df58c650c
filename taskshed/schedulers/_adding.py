"""From the arguments of `add_task` to what a datastore adds."""

import random
from datetime import datetime, timedelta
from typing import Any, TypedDict

from taskshed._clock import ambient_clock
from taskshed._records import freeze, thaw
from taskshed.datastores.commands import Add
from taskshed.models import Overlap, RetryPolicy, Task


class TaskFields(TypedDict, total=False):
    """The fields of a `Task` that `add_task` takes by name only."""

    cron: str | None
    timezone: str | None
    misfire_grace: timedelta | None
    overlap: Overlap
    jitter: timedelta | None
    end_at: datetime | None
    max_runs: int | None
    fixed_delay: bool
    retry: RetryPolicy | None
    timeout: timedelta | None


# Fields with a default that is not a value: to give None for them is not to give them.
_MADE_UP = ("run_at", "kwargs", "run_type", "task_id")


def make_task(given: dict[str, Any], fields: TaskFields) -> Task:
    """The task of these fields.

    Raises:
        TypeError, ValueError: they make no task.
    """
    for name in fields:
        if name not in TaskFields.__annotations__:
            raise TypeError(f"add_task() got an unexpected keyword argument {name!r}")
    left_out = [name for name in _MADE_UP if given[name] is None]
    return Task(**{name: value for name, value in given.items() if name not in left_out}, **fields)


def addition(tasks: tuple[Task, ...], replace: bool, max_kwargs_size: int) -> Add:
    """The command that adds tasks, their first runs put off by their `jitter`.

    Raises:
        TypeError, ValueError: arguments cannot be kept, the message names them.
    """
    now = ambient_clock().now()
    chances = (random.random() for _ in tasks)  # noqa: S311 - they spread runs, they guard nothing
    records = (freeze(task, now, chance, max_kwargs_size) for task, chance in zip(tasks, chances, strict=True))
    return Add(tuple(records), replace)


def as_added(task: Task, command: Add) -> Task:
    """The one task of a command, as it is stored."""
    return task if task.jitter is None else thaw(command.records[0])
