"""Looking at the tables: blocking calls on a connection that is in a transaction."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select

from taskshed._records import Record
from taskshed.datastores._sql import _pages
from taskshed.datastores._sql._pages import Page, conditions, having_ids
from taskshed.datastores._sql._rows import record_of
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores.commands import ById, Failed, Paged, Selection

AnySelection = TypeVar("AnySelection", bound=Selection)


class Sight(NamedTuple):
    """What is seen of a database by those who have to ask whether others have changed anything.

    Attributes:
        next_due: the earliest due time.
        cancellations: how often claims were cancelled.
    """

    next_due: int | None
    cancellations: int


class Tables(ABC):
    """The tables of one datastore, and what is asked of them."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.tasks = schema.tasks
        columns = schema.tasks.c
        self.record = [columns[name] for name in Record.__struct_fields__]
        self._next_due = select(func.min(columns.due))
        self._sight = select(func.min(columns.due), select(schema.meta.c.cancellations).scalar_subquery())

    @abstractmethod
    def now(self, connection: Connection) -> int:
        """The store's wall instant."""

    def fetch(self, connection: Connection, selection: Selection) -> list[Record]:
        """The selected records: by id in the order asked for, else by `run_at`."""
        selection = self._dated(connection, selection)
        query = self.looking(selection).order_by(self.tasks.c.run_at, self.tasks.c.task_id)
        chosen = conditions(self.tasks, selection)
        records = [record_of(row) for condition in chosen for row in connection.execute(query.where(condition))]
        if isinstance(selection, ById):
            found = {record.task_id: record for record in records}
            return [found[task_id] for task_id in dict.fromkeys(selection.task_ids) if task_id in found]
        return records

    def next_due(self, connection: Connection) -> int | None:
        """The earliest due time."""
        due: int | None = connection.execute(self._next_due).scalar()
        return due

    def sight(self, connection: Connection) -> Sight:
        """What is to be seen at a look."""
        return Sight(*connection.execute(self._sight).one())

    def looking(self, selection: Selection) -> Select[Any]:
        """A query for records, with whatever leads to an index for a selection."""
        return select(*self.record)

    def members(self, selection: Paged) -> Select[Any]:
        """The ids of a selection, in order, in whichever terms lead to an index."""
        return _pages.members(self.tasks, selection)

    def page(self, connection: Connection, selection: Selection) -> Page:
        """What one transaction changes of a selection."""
        if isinstance(selection, ById):
            return Page(having_ids(self.tasks, selection.task_ids))
        selection = self._dated(connection, selection)
        return _pages.page(connection, self.tasks, self.members(selection), selection)

    def _dated(self, connection: Connection, selection: AnySelection) -> AnySelection:
        """Say by when tasks that are chosen for their age have to have failed."""
        if not isinstance(selection, Failed) or selection.after or not selection.age:
            return selection
        return msgspec.structs.replace(selection, after=str(self.now(connection) - selection.age))

    def missing(self, connection: Connection, selection: Selection) -> tuple[str, ...]:
        """The ids of a selection that do not exist."""
        if not isinstance(selection, ById):
            return ()
        existing = self.values(connection, selection.task_ids)
        return tuple(task_id for task_id in dict.fromkeys(selection.task_ids) if task_id not in existing)

    def values(
        self, connection: Connection, task_ids: Sequence[str], *columns: ColumnElement[Any], lock: bool = False
    ) -> dict[str, tuple[Any, ...]]:
        """What columns hold for each of these tasks that exists; with `lock`, until the transaction's end."""
        query = select(self.tasks.c.task_id, *columns)
        if lock:
            query = query.order_by(self.tasks.c.task_id).with_for_update()
        return {
            task_id: tuple(values)
            for chosen in having_ids(self.tasks, task_ids)
            for task_id, *values in connection.execute(query.where(chosen))
        }
