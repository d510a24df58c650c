"""What callers select tasks by: exactly one of some ids, a group, or that they have failed."""

from collections.abc import Iterable
from datetime import timedelta

from taskshed._clock import duration_micros
from taskshed.datastores.commands import ById, Failed, InGroup, Selection
from taskshed.models import check_duration, check_name


def selection_or_failed(
    task_ids: Iterable[str] | None, group_id: str | None, status: str | None, older_than: timedelta | None = None
) -> Selection:
    """The selection that a caller means who may also ask for what has failed; raises as `selection` does."""
    if status is None:
        if older_than is not None:
            raise ValueError(f"older_than={older_than!r} was given without status='failed', which it is for")
        return selection(task_ids, group_id)
    if status != "failed":
        raise ValueError(f"status can be 'failed', for only failed tasks can be selected by it, not {status!r}")
    if task_ids is not None or group_id is not None:
        raise ValueError("give exactly one of task_ids, group_id and status")
    if older_than is None:
        return Failed()
    check_duration("older_than", older_than)
    return Failed(age=duration_micros(older_than))


def selection(task_ids: Iterable[str] | None, group_id: str | None) -> ById | InGroup:
    """The selection that a caller means.

    Raises:
        ValueError: both or neither was given, or one is empty or too long.
        TypeError: one is not of its type.
    """
    if (task_ids is None) == (group_id is None):
        given = "neither" if task_ids is None else "both"
        raise ValueError(f"give exactly one of task_ids and group_id, not {given}")
    if task_ids is None:
        check_name("group_id", group_id)
        return InGroup(str(group_id))
    if isinstance(task_ids, str):
        raise TypeError(f"task_ids must be an iterable of ids; for one task say task_ids=[{task_ids!r}]")
    ids = tuple(task_ids)
    for task_id in ids:
        check_name("task_id", task_id)
    return ById(ids)
