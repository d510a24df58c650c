"""Selections as conditions, and big ones in pages."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select, true

from taskshed.datastores._sql._rows import chunks
from taskshed.datastores.commands import ById, Failed, InGroup, Paged, Selection

PAGE = 2000  # tasks of a group that one transaction changes, so that nobody waits long for a lock


class Page(msgspec.Struct, frozen=True):
    """What one transaction changes of a selection: conditions, each for one statement, and the rest."""

    chosen: list[ColumnElement[bool]]
    rest: Selection | None = None


def members(tasks: Table, selection: Paged) -> Select[Any]:
    """The ids of a selection, in order."""
    order = tasks.c.failed_at if isinstance(selection, Failed) else tasks.c.task_id
    return select(tasks.c.task_id).where(condition(tasks, selection)).order_by(order)


def page(connection: Connection, tasks: Table, members: Select[Any], selection: Paged) -> Page:
    """The part of a selection to change now. Of what has failed, the rest is what still has failed then.

    Its rows are locked by their ids, in order, and then changed by their ids: no statistics can mislead a database into
    looking at, and locking, any others.
    """
    task_ids: Sequence[str] = connection.execute(members.limit(PAGE).with_for_update()).scalars().all()
    after = selection.after if isinstance(selection, Failed) else task_ids[-1] if task_ids else ""
    rest = msgspec.structs.replace(selection, after=after) if len(task_ids) == PAGE else None
    return Page(having_ids(tasks, task_ids), rest)


def conditions(tasks: Table, selection: Selection) -> list[ColumnElement[bool]]:
    """Conditions that together choose a selection, each for one statement."""
    return having_ids(tasks, selection.task_ids) if isinstance(selection, ById) else [condition(tasks, selection)]


def condition(tasks: Table, selection: Paged) -> ColumnElement[bool]:
    """The condition that chooses a group, what has failed by the instant that `after` names, or all."""
    if isinstance(selection, Failed):
        has_failed = tasks.c.failed_at.is_not(None)
        return and_(has_failed, tasks.c.failed_at <= int(selection.after)) if selection.after else has_failed
    terms = [tasks.c.task_id > selection.after] if selection.after else []
    if isinstance(selection, InGroup):
        terms.append(tasks.c.group_id == selection.group_id)
    return and_(true(), *terms)


def having_ids(tasks: Table, task_ids: Sequence[str]) -> list[ColumnElement[bool]]:
    """Conditions for ids, in one order, so that two who lock many wait for each other and do not deadlock."""
    return [tasks.c.task_id.in_(chunk) for chunk in chunks(sorted(set(task_ids)))]
