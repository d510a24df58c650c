"""What callers select tasks by: exactly one of some ids or a group."""

from collections.abc import Iterable

from taskshed.datastores.commands import ById, InGroup
from taskshed.models import check_name


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
