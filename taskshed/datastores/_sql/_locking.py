"""What SQLite and MySQL have in common: they lock what they are about to write, look, and then write it."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Insert, bindparam, case, delete, insert, select, update

from taskshed._clock import Clock
from taskshed._records import Record
from taskshed.datastores._sql._database import Database
from taskshed.datastores._sql._rows import (
    by_lease,
    children,
    chunks,
    kept,
    record_of,
    renewed,
    rows_to_add,
    settlement_rows,
    stale_settlements,
)
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores.commands import (
    Add,
    Added,
    Changed,
    Claim,
    Claimed,
    Command,
    Lease,
    Move,
    Renew,
    Renewed,
    Settle,
)


class LockingDatabase(Database):
    """A database whose `UPDATE` and `DELETE` do not answer what they found.

    On SQLite the whole transaction holds the one write lock, and `FOR UPDATE` is left out.
    """

    def __init__(self, schema: Schema, clock: Clock) -> None:
        super().__init__(schema, clock)
        columns = self.tasks.c
        self._due = (
            select(*self.record)
            .where(columns.due <= bindparam("now"))
            .order_by(columns.due)
            .limit(bindparam("limit"))
            .with_for_update(skip_locked=True)
        )
        chosen = columns.task_id.in_(bindparam("task_ids", expanding=True))
        until: BindParameter[int] = bindparam("until")
        self._take = (
            update(self.tasks)
            .where(chosen)
            .values(token=bindparam("token_"), attempts=columns.attempts + 1, leased_until=until, due=until)
        )
        self._prolong = update(self.tasks).where(chosen).values(leased_until=until, due=case((self._unpaused, until)))
        self._delete = delete(self.tasks).where(chosen)
        self._insert = insert(self.tasks)
        self._replace = self.replacing()

    @abstractmethod
    def replacing(self) -> Insert:
        """An insert of rows that takes the place of rows with the same id."""

    @abstractmethod
    def now_and_token(self, connection: Connection) -> tuple[int, int]:
        """The store's wall instant, and a token that was never given before."""

    @abstractmethod
    def write_settled(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Write what `settlement_rows` made."""

    @abstractmethod
    def write_moved(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Write new times; the rows have `task_id` and `run_at`."""

    def execute(self, connection: Connection, commands: Sequence[Command[Any]], origin: str) -> list[Any]:
        if all(isinstance(command, Claim) for command in commands):
            # A worker that looks in vain should not take a lock from those who write.
            with self.reading(connection):
                now, next_due = self.now(connection), self.next_due(connection)
            if next_due is None or next_due > now:
                return [Claimed(now, (), next_due) for _ in commands]
        return super().execute(connection, commands, origin)

    def add(self, connection: Connection, command: Add) -> Added:
        rows = rows_to_add(command)
        taken: set[str] = set()
        if not command.replace:
            taken = set(self.values(connection, [row["task_id"] for row in rows], lock=True))
        statement = self._replace if command.replace else self._insert
        for chunk in chunks([row for row in rows if row["task_id"] not in taken]):
            connection.execute(statement, chunk)
        return Added() if command.replace else Added(kept=kept(command, taken))

    def move(self, connection: Connection, command: Move) -> Changed:
        rows = [{"task_id": task_id, "run_at": run_at} for task_id, run_at in sorted(command.times.items())]
        for chunk in chunks(rows):
            self.write_moved(connection, chunk)
        due = self.values(connection, tuple(command.times), self.tasks.c.due)
        return Changed(
            missing=tuple(task_id for task_id in command.times if task_id not in due),
            earliest=min((instant for (instant,) in due.values() if instant is not None), default=None),
        )

    def claim(self, connection: Connection, command: Claim) -> Claimed:
        now, token = self.now_and_token(connection)
        rows = connection.execute(self._due, {"now": now, "limit": command.limit})
        records = tuple(self._taken(record_of(row), token, now + command.lease) for row in rows)
        for chunk in chunks(sorted(record.task_id for record in records)):
            connection.execute(self._take, {"task_ids": chunk, "token_": token, "until": now + command.lease})
        return Claimed(now=now, records=records, next_due=self.next_due(connection))

    def settle(self, connection: Connection, command: Settle) -> tuple[Lease, ...]:
        items = by_lease(command)
        valid = self._valid(connection, tuple(items))
        done = [lease.task_id for lease in valid if items[lease].outcome == "done"]
        left = [items[lease] for lease in valid if items[lease].outcome != "done"]
        for chunk in chunks(sorted(done)):
            connection.execute(self._delete, {"task_ids": chunk})
        for chunk in chunks(settlement_rows(left, lambda: self.now(connection))):
            self.write_settled(connection, chunk)
        self.add(connection, children(items, valid))
        return stale_settlements(command, valid)

    def renew(self, connection: Connection, command: Renew) -> Renewed:
        valid = self._valid(connection, command.leases)
        until = self.now(connection) + command.lease
        for chunk in chunks(sorted(lease.task_id for lease in valid)):
            connection.execute(self._prolong, {"task_ids": chunk, "until": until})
        return renewed(command, valid)

    def _valid(self, connection: Connection, leases: Sequence[Lease]) -> dict[Lease, bool]:
        """Those leases that are the tasks' own, locked, and whether they are cancelled."""
        task_ids = [lease.task_id for lease in leases]
        found = self.values(connection, task_ids, self.tasks.c.token, self.tasks.c.cancelled_at, lock=True)
        states = {Lease(task_id, token): at is not None for task_id, (token, at) in found.items()}
        return {lease: states[lease] for lease in leases if lease in states}

    @staticmethod
    def _taken(record: Record, token: int, until: int) -> Record:
        record.token = token
        record.attempts += 1
        record.leased_until = until
        return record
