from datetime import datetime
from typing import Any

import msgspec

from taskshed._json import encode_kwargs
from taskshed.models import Task
from taskshed.schedulers import AsyncScheduler


async def assert_scheduled(scheduler: AsyncScheduler, callback: str, **fields: Any) -> Task:
    """See that a task for `callback` with these fields is scheduled, and return the one that is due first.

    Args:
        callback: its name.
        fields: of `Task`, by name, each with the value that it must have. A failed task counts only if `status` is
            given.

    Raises:
        AssertionError: there is none; the message lists what there is.
        TypeError: a task has no such field.
    """
    tasks, matching = await _matching(scheduler, callback, fields)
    if not matching:
        raise AssertionError(f"no task is scheduled for {_wanted(callback, fields)}; {_listed(tasks)}")
    return matching[0]


async def assert_not_scheduled(scheduler: AsyncScheduler, callback: str, **fields: Any) -> None:
    """See that no task for `callback` with these fields is scheduled; otherwise like `assert_scheduled`."""
    tasks, matching = await _matching(scheduler, callback, fields)
    if matching:
        raise AssertionError(f"{matching[0].task_id!r} is scheduled for {_wanted(callback, fields)}; {_listed(tasks)}")


async def _matching(scheduler: AsyncScheduler, callback: str, fields: dict[str, Any]) -> tuple[list[Task], list[Task]]:
    unknown = [name for name in fields if name not in Task.__struct_fields__]
    if unknown:
        raise TypeError(f"a task has no field {unknown[0]!r}; it has {', '.join(Task.__struct_fields__)}")
    for name, value in fields.items():
        if isinstance(value, datetime) and value.utcoffset() is None:
            raise ValueError(f"{name} must have a time zone to be compared, not {value!r}")
    if "kwargs" in fields:
        fields = fields | {"kwargs": msgspec.json.decode(encode_kwargs(fields["kwargs"]))}
    tasks = await scheduler.fetch_all_tasks()
    return tasks, [task for task in tasks if _matches(task, callback, fields)]


def _matches(task: Task, callback: str, fields: dict[str, Any]) -> bool:
    if task.callback != callback or (task.status == "failed" and "status" not in fields):
        return False
    return all(getattr(task, name) == value for name, value in fields.items())


def _wanted(callback: str, fields: dict[str, Any]) -> str:
    return ", ".join([repr(callback), *(f"{name}={value!r}" for name, value in fields.items())])


def _listed(tasks: list[Task]) -> str:
    if not tasks:
        return "nothing is scheduled"
    return "\n".join(["there are:", *(f"  {_line(task)}" for task in tasks)])


def _line(task: Task) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in task.kwargs.items())
    return " ".join(
        [
            f"{task.callback}({arguments}) at {task.run_at}{_repeats(task)}, task_id={task.task_id!r}",
            *([f"group_id={task.group_id!r}"] if task.group_id is not None else []),
            *(["paused"] if task.paused else []),
            *([task.status] if task.status != "scheduled" else []),
            *([f"error={task.error!r}"] if task.error is not None else []),
        ]
    )


def _repeats(task: Task) -> str:
    if task.interval is not None:
        return f", every {task.interval}"
    return "" if task.cron is None else f", cron {task.cron!r} in {task.timezone}"
