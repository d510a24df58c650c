"""Selections as conditions, and big ones in pages."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, select

from taskshed.datastores._sql._rows import chunks
from taskshed.datastores.commands import ById, Everything, InGroup, Selection

PAGE = 2000  # tasks of a group that one transaction changes, so that nobody waits long for a lock


class Page(msgspec.Struct, frozen=True):
    """What one transaction changes of a selection: conditions, each for one statement, and the rest."""

    chosen: list[ColumnElement[bool]]
    rest: Selection | None = None


def page(connection: Connection, tasks: Table, selection: Selection) -> Page:
    """The part of a selection to change now; tasks chosen by their ids are one part."""
    chosen = conditions(tasks, selection)
    if isinstance(selection, ById):
        return Page(chosen)
    last = select(tasks.c.task_id).where(*chosen).order_by(tasks.c.task_id).offset(PAGE - 1).limit(1)
    end: str | None = connection.execute(last).scalar()
    if end is None:
        return Page(chosen)
    return Page([and_(*chosen, tasks.c.task_id <= end)], msgspec.structs.replace(selection, after=end))


def conditions(tasks: Table, selection: Selection) -> list[ColumnElement[bool]]:
    """Conditions that together choose a selection."""
    match selection:
        case ById(task_ids=task_ids):
            return having_ids(tasks, task_ids)
        case InGroup(group_id=group_id, after=after):
            return [and_(tasks.c.group_id == group_id, tasks.c.task_id > after)]
        case Everything(after=after):
            return [tasks.c.task_id > after]


def having_ids(tasks: Table, task_ids: Sequence[str]) -> list[ColumnElement[bool]]:
    """Conditions for ids, in one order, so that two who lock many wait for each other and do not deadlock."""
    return [tasks.c.task_id.in_(chunk) for chunk in chunks(sorted(set(task_ids)))]
