"""What each command does to the database: plain functions of a connection that is in a transaction.

They never await, so that an operation is one hop to wherever the connection lives. `now` is the
store's wall instant.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, delete, select

from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores._sql._statements import Statements
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Changed,
    Claim,
    Claimed,
    Command,
    Lease,
    Move,
    Pause,
    Remove,
    Renew,
    Resume,
    Selection,
    Settle,
)


def carry_out(connection: Connection, statements: Statements, now: int, command: Command[Any]) -> Any:
    """Carry out one command and return its answer."""
    return _OPERATIONS[type(command)](connection, statements, now, command)


def fetch(connection: Connection, statements: Statements, selection: Selection) -> list[Record]:
    """The selected records: by id in the order asked for, else by `run_at`."""
    query = select(*statements.record).order_by(statements.tasks.c.run_at, statements.tasks.c.task_id)
    records = [
        _record(row) for chosen in statements.selections(selection) for row in connection.execute(query.where(chosen))
    ]
    if isinstance(selection, ById):
        found = {record.task_id: record for record in records}
        return [found[task_id] for task_id in dict.fromkeys(selection.task_ids) if task_id in found]
    return records


def next_due(connection: Connection, statements: Statements) -> int | None:
    """The earliest due time."""
    due: int | None = connection.execute(statements.next_due).scalar()
    return due


def _add(connection: Connection, statements: Statements, now: int, command: Add) -> Added:
    kept: list[str] = []
    records = list(command.records)
    if not command.replace:
        taken = set(_tokens(connection, statements, [record.task_id for record in records]))
        records = []
        for record in command.records:
            if record.task_id in taken:
                kept.append(record.task_id)
            else:
                taken.add(record.task_id)
                records.append(record)
    if records:
        connection.execute(statements.add, [_row(record) for record in records])
    return Added(kept=tuple(kept))


def _pause(connection: Connection, statements: Statements, now: int, command: Pause) -> Changed:
    for chosen in statements.selections(command.selection):
        connection.execute(statements.pause.where(chosen), {"_now": now})
    return Changed(missing=_missing(connection, statements, command.selection))


def _resume(connection: Connection, statements: Statements, now: int, command: Resume) -> Changed:
    resumed: list[int | None] = []
    for chosen in statements.selections(command.selection):
        resumed.append(connection.execute(statements.first_resumed.where(chosen)).scalar())
        connection.execute(statements.resume.where(chosen))
    earliest = min((due for due in resumed if due is not None), default=None)
    return Changed(missing=_missing(connection, statements, command.selection), earliest=earliest)


def _move(connection: Connection, statements: Statements, now: int, command: Move) -> Changed:
    if not command.times:
        return Changed()
    rows = [{"_task_id": task_id, "_run_at": run_at} for task_id, run_at in command.times.items()]
    connection.execute(statements.move, rows)
    due = _values(connection, statements, tuple(command.times), statements.tasks.c.due)
    return Changed(
        missing=tuple(task_id for task_id in command.times if task_id not in due),
        earliest=min((instant for instant in due.values() if instant is not None), default=None),
    )


def _remove(connection: Connection, statements: Statements, now: int, command: Remove) -> None:
    for chosen in statements.selections(command.selection):
        connection.execute(delete(statements.tasks).where(chosen))


def _claim(connection: Connection, statements: Statements, now: int, command: Claim) -> Claimed:
    due = connection.execute(statements.due_ids, {"_now": now, "_limit": command.limit}).scalars().all()
    records: list[Record] = []
    if due:
        connection.execute(statements.next_token)
        token = connection.execute(statements.last_token).scalar_one()
        parameters = {"_task_ids": due, "_token": token, "_until": now + command.lease}
        rank = {task_id: place for place, task_id in enumerate(due)}
        records = [_record(row) for row in connection.execute(statements.claim, parameters)]
        records.sort(key=lambda record: rank[record.task_id])
    return Claimed(now=now, records=tuple(records), next_due=next_due(connection, statements))


def _settle(connection: Connection, statements: Statements, now: int, command: Settle) -> tuple[Lease, ...]:
    tokens = _tokens(connection, statements, [item.task_id for item in command.settlements])
    done, kept, stale = [], [], []
    for item in command.settlements:
        if tokens.get(item.task_id) != item.token:
            stale.append(Lease(item.task_id, item.token))
            continue
        del tokens[item.task_id]  # a claim can be settled once
        if item.outcome == "done":
            done.append({"_task_id": item.task_id, "_token": item.token})
        else:
            kept.append(_settlement_row(item, now))
    if done:
        connection.execute(statements.delete_claimed, done)
    if kept:
        connection.execute(statements.settle, kept)
    return tuple(stale)


def _renew(connection: Connection, statements: Statements, now: int, command: Renew) -> tuple[Lease, ...]:
    tokens = _tokens(connection, statements, [lease.task_id for lease in command.leases])
    valid = [lease for lease in command.leases if tokens.get(lease.task_id) == lease.token]
    until = now + command.lease
    rows = [{"_task_id": lease.task_id, "_token": lease.token, "_until": until} for lease in valid]
    if rows:
        connection.execute(statements.renew, rows)
    return tuple(lease for lease in command.leases if tokens.get(lease.task_id) != lease.token)


_OPERATIONS: dict[type[Command[Any]], Callable[[Connection, Statements, int, Any], Any]] = {
    Add: _add,
    Pause: _pause,
    Resume: _resume,
    Move: _move,
    Remove: _remove,
    Claim: _claim,
    Settle: _settle,
    Renew: _renew,
}


def _record(row: Any) -> Record:
    return Record(**dict(zip(Record.__struct_fields__, row, strict=True)))


def _row(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in (*Record.__struct_fields__, "due")}


def _settlement_row(settlement: Settlement, now: int) -> dict[str, Any]:
    failed = settlement.outcome == "failed"
    return {
        "_task_id": settlement.task_id,
        "_token": settlement.token,
        "_run_at": settlement.run_at,
        "_due": None if failed else settlement.run_at,
        "_attempts": settlement.attempts,
        "_error": settlement.error,
        "_failed_at": now if failed else None,
    }


def _values(connection: Connection, statements: Statements, task_ids: Iterable[str], column: Any) -> dict[str, Any]:
    """What a column holds for each of these tasks that exists."""
    query = select(statements.tasks.c.task_id, column)
    return {
        task_id: value
        for chosen in statements.selections(ById(tuple(task_ids)))
        for task_id, value in connection.execute(query.where(chosen))
    }


def _tokens(connection: Connection, statements: Statements, task_ids: Iterable[str]) -> dict[str, int]:
    return _values(connection, statements, task_ids, statements.tasks.c.token)


def _missing(connection: Connection, statements: Statements, selection: Selection) -> tuple[str, ...]:
    if not isinstance(selection, ById):
        return ()
    existing = _tokens(connection, statements, selection.task_ids)
    return tuple(task_id for task_id in dict.fromkeys(selection.task_ids) if task_id not in existing)
