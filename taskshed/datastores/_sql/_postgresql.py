"""PostgreSQL: each command is one statement, and its clock is the server's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import Connection, Select, select, tuple_

from taskshed._clock import Clock
from taskshed.datastores._sql._database import Database, check_version
from taskshed.datastores._sql._errors import driver_error, reason_of, trouble_on_the_way, trouble_without_code
from taskshed.datastores._sql._postgresql_statements import SETTLED, TYPES, columns_of, lease_columns, statements
from taskshed.datastores._sql._rows import (
    by_lease,
    children,
    kept,
    record_of,
    renewed,
    rows_to_add,
    settlement_rows,
    stale_settlements,
)
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._trouble import Kind, Trouble
from taskshed.datastores.commands import (
    Add,
    Added,
    Changed,
    Claim,
    Claimed,
    Command,
    InGroup,
    Lease,
    Move,
    Paged,
    Renew,
    Renewed,
    RunsCancelled,
    ScheduleChanged,
    Settle,
    changes,
)

# What the beginning of an SQLSTATE means; the longest that fits counts.
_STATES: dict[str, Kind] = {
    "08": "lost",
    "25006": "unavailable",  # read-only, as a standby is after a failover
    "28": "refused",
    "3D": "refused",
    "40": "again",
    "42": "format",
    "42501": "refused",  # no permission
    "53": "unavailable",
    "55P03": "again",
    "57": "unavailable",
    "57P": "lost",
    "58": "unavailable",
    "XX": "unavailable",
}


CANCELLED = "cancelled"  # what is told instead of a time


class PostgreSQL(Database):
    """PostgreSQL 12 and newer. Statements that stand alone commit themselves: that saves two round trips of three."""

    isolation_level = "AUTOCOMMIT"
    _ALONE: ClassVar[tuple[type[Command[Any]], ...]] = (Claim, Renew)

    def __init__(self, schema: Schema, clock: Clock) -> None:
        super().__init__(schema, clock)
        self._text = statements(schema)

    def configure(self, connection: Connection) -> None:
        check_version(connection, 12)
        if self.patience is not None:
            milliseconds = round(self.patience * 1000)
            connection.exec_driver_sql(f"SET idle_in_transaction_session_timeout = {milliseconds}")

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    def commit(self, connection: Connection) -> None:
        connection.exec_driver_sql("COMMIT")

    def roll_back(self, connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    @contextmanager
    def alone(self, connection: Connection) -> Iterator[None]:
        with self.transaction(connection):
            connection.execute(self._text["lock"], {"name": self.channel(connection)})
            yield

    def trouble(self, error: BaseException) -> Trouble | None:
        if trouble := trouble_on_the_way(error):
            return trouble
        original = driver_error(error)
        state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
        if not isinstance(state, str):
            return trouble_without_code(error)
        kinds = [_STATES[state[:length]] for length in (5, 3, 2) if state[:length] in _STATES]
        return Trouble(kinds[0] if kinds else "refused", reason_of(error))

    def execute(self, connection: Connection, commands: Sequence[Command[Any]], origin: str) -> list[Any]:
        if len(commands) == 1 and isinstance(commands[0], self._ALONE):
            return [self.carry_out(connection, commands[0])]
        with self.transaction(connection):
            answers = [self.carry_out(connection, command) for command in commands]
            self.notify(connection, commands, answers, origin)
            return answers

    def join(self, connection: Connection, command: Add) -> Added:
        answer = super().join(connection, command)
        self.notify(connection, [command], [answer], origin="")
        return answer

    def channel(self, connection: Connection) -> str:
        """Where changes of these tables are told; channels are the database's, tables a schema's."""
        return f"{self.schema.name or connection.dialect.default_schema_name}.{self.schema.prefix}"[:63]

    def notify(
        self, connection: Connection, commands: Sequence[Command[Any]], answers: Sequence[Any], origin: str
    ) -> None:
        """Tell others, at the commit, if something is due earlier than what they know, or claims were cancelled."""
        for change in changes(commands, answers):
            told: dict[str, Any] = {"channel": self.channel(connection)}
            match change:
                case ScheduleChanged(earliest=earliest):
                    told |= {"payload": f"{earliest} {origin}", "earliest": earliest}
                    connection.execute(self._text["notify"], told)
                case RunsCancelled():
                    connection.execute(self._text["tell"], told | {"payload": f"{CANCELLED} {origin}"})

    def now(self, connection: Connection) -> int:
        now: int = connection.execute(self._text["now"]).scalar_one()
        return now

    def add(self, connection: Connection, command: Add) -> Added:
        rows = rows_to_add(command)
        if not rows:
            return Added()
        parameters = columns_of(rows, *TYPES)
        if command.replace:
            connection.execute(self._text["replace"], parameters)
            return Added()
        added = set(connection.execute(self._text["add"], parameters).scalars())
        return Added(kept=kept(command, {row["task_id"] for row in rows} - added))

    def move(self, connection: Connection, command: Move) -> Changed:
        ids, times = list(command.times), list(command.times.values())
        moved = connection.execute(self._text["move"], {"task_id": ids, "run_at": times})
        due: dict[str, int | None] = {row.task_id: row.due for row in moved}
        return Changed(
            missing=tuple(task_id for task_id in ids if task_id not in due),
            earliest=min((instant for instant in due.values() if instant is not None), default=None),
        )

    def claim(self, connection: Connection, command: Claim) -> Claimed:
        parameters = {"limit": command.limit, "lease": command.lease}
        rows = connection.execute(self._text["claim"], parameters).all()
        now, next_due = rows[0][:2]
        records = tuple(record_of(row[2:]) for row in rows if row.task_id is not None)
        if records:
            next_due = now + command.lease if next_due is None else min(next_due, now + command.lease)
        return Claimed(now=now, records=records, next_due=next_due)

    def members(self, selection: Paged) -> Select[Any]:
        if not isinstance(selection, InGroup):
            return super().members(selection)
        # Asked for in this way, a group cannot be sought through all tasks in the order of their ids.
        columns = self.tasks.c
        place = tuple_(columns.group_id, columns.task_id)
        begins, ends = place > (selection.group_id, selection.after), columns.group_id <= selection.group_id
        members: Select[Any] = select(columns.task_id).where(begins, ends)
        return members.order_by(columns.group_id, columns.task_id)

    def settle(self, connection: Connection, command: Settle) -> tuple[Lease, ...]:
        items = by_lease(command)
        done = [lease for lease, item in items.items() if item.outcome == "done"]
        left = settlement_rows(
            [item for item in items.values() if item.outcome != "done"], lambda: self.now(connection)
        )
        settled: set[Lease] = set()
        if done:
            settled |= self._leases(connection, "delete", lease_columns(done))
        if left:
            settled |= self._leases(connection, "settle", columns_of(left, *SETTLED))
        self.add(connection, children(items, settled))
        return stale_settlements(command, settled)

    def renew(self, connection: Connection, command: Renew) -> Renewed:
        parameters = lease_columns(command.leases) | {"lease": command.lease}
        rows = connection.execute(self._text["renew"], parameters)
        return renewed(command, {Lease(task_id, token): cancelled for task_id, token, cancelled in rows})

    def _leases(self, connection: Connection, statement: str, parameters: dict[str, Any]) -> set[Lease]:
        return {Lease(*row) for row in connection.execute(self._text[statement], parameters)}
