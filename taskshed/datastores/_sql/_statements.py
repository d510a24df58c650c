"""The statements, written once with SQLAlchemy and bound to one schema's table."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, func, null, select, true, update
from sqlalchemy.dialects.sqlite import insert

from taskshed._records import Record
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores.commands import ById, Everything, InGroup, Selection

CHUNK = 500  # ids in one statement, within every database's limit on parameters


class Statements:
    """Prepared statements on the tables of a schema; the names of their parameters begin with `_`."""

    def __init__(self, schema: Schema) -> None:
        self.tasks = tasks = schema.tasks
        columns = tasks.c
        unpaused = columns.paused_at.is_(None)
        self.record = [columns[name] for name in Record.__struct_fields__]
        ours = and_(columns.task_id == bindparam("_task_id"), columns.token == bindparam("_token"))

        upsert = insert(tasks)
        fresh: dict[str, Any] = {
            column.name: upsert.excluded[column.name] for column in columns if not column.primary_key
        }
        self.add = upsert.on_conflict_do_update(index_elements=[columns.task_id], set_=fresh)
        self.next_due = select(func.min(columns.due))
        self.due_ids = (
            select(columns.task_id)
            .where(columns.due <= bindparam("_now"))
            .order_by(columns.due)
            .limit(bindparam("_limit"))
        )
        self.next_token = update(schema.meta).values(last_token=schema.meta.c.last_token + 1)
        self.last_token = select(schema.meta.c.last_token)
        self.claim = (
            update(tasks)
            .where(columns.task_id.in_(bindparam("_task_ids", expanding=True)))
            .values(
                token=bindparam("_token"),
                attempts=columns.attempts + 1,
                leased_until=bindparam("_until"),
                due=bindparam("_until"),
            )
            .returning(*self.record)
        )
        self.delete_claimed = delete(tasks).where(ours)
        self.settle = (
            update(tasks)
            .where(ours)
            .values(
                run_at=bindparam("_run_at"),
                due=case((unpaused, bindparam("_due"))),
                attempts=bindparam("_attempts"),
                error=func.coalesce(bindparam("_error"), columns.error),
                failed_at=bindparam("_failed_at"),
                leased_until=null(),
                token=0,
            )
        )
        self.renew = (
            update(tasks)
            .where(ours)
            .values(leased_until=bindparam("_until"), due=case((unpaused, bindparam("_until"))))
        )
        self.move = (
            update(tasks)
            .where(columns.task_id == bindparam("_task_id"))
            .values(
                run_at=bindparam("_run_at"),
                due=case((unpaused, bindparam("_run_at"))),
                attempts=0,
                failed_at=null(),
                leased_until=null(),
                token=0,
            )
        )
        self.pause = update(tasks).where(unpaused).values(paused_at=bindparam("_now"), due=null())
        awake = case((columns.failed_at.is_(None), func.coalesce(columns.leased_until, columns.run_at)))
        self.resume = update(tasks).where(~unpaused).values(paused_at=null(), due=awake)
        self.first_resumed = select(func.min(awake)).where(~unpaused)

    def selections(self, selection: Selection) -> list[ColumnElement[bool]]:
        """Conditions that together choose exactly `selection`, each small enough for one statement."""
        match selection:
            case ById(task_ids=task_ids):
                chunks = [task_ids[start : start + CHUNK] for start in range(0, len(task_ids), CHUNK)]
                return [self.tasks.c.task_id.in_(chunk) for chunk in chunks]
            case InGroup(group_id=group_id):
                return [self.tasks.c.group_id == group_id]
            case Everything():
                return [true()]
