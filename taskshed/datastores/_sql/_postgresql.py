"""PostgreSQL: each command is one statement, and its clock is the server's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.dialects.postgresql.base import PGDialect

from taskshed._clock import Clock
from taskshed._records import Record
from taskshed.datastores._sql._database import Database, check_version, kept, record_of, rows_to_add, stale_settlements
from taskshed.datastores._sql._errors import Kind, Trouble, driver_error, reason_of, trouble_on_the_way
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
    Settle,
    earliest_due,
)

_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"

_TYPES = {
    "task_id": "text",
    "group_id": "text",
    "body": "text",
    "run_at": "bigint",
    "paused_at": "bigint",
    "leased_until": "bigint",
    "failed_at": "bigint",
    "token": "bigint",
    "attempts": "integer",
    "error": "text",
    "due": "bigint",
}
_SETTLED = ("task_id", "token", "run_at", "due", "attempts", "error", "failed_at")

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

# A worker hears of what is due earlier than what it knows. What is due within a second may just be being claimed by
# somebody who sees no more of our transaction than we see of theirs, so it does not count as known.
_CLOSE = 1_000_000


def unnest(*names: str) -> str:
    """Rows, sent as one array for each column, so that the statement is the same for any number of them."""
    arrays = ", ".join(f"CAST(:{name} AS {_TYPES[name]}[])" for name in names)
    return f"unnest({arrays}) AS given({', '.join(names)})"


def columns_of(rows: Sequence[dict[str, Any]], *names: str) -> dict[str, list[Any]]:
    """The arrays for `unnest`."""
    return {name: [row[name] for row in rows] for name in names}


def lease_columns(leases: Sequence[Lease]) -> dict[str, list[Any]]:
    """The same for leases."""
    return {"task_id": [lease.task_id for lease in leases], "token": [lease.token for lease in leases]}


class PostgreSQL(Database):
    """PostgreSQL 12 and newer. Statements that stand alone commit themselves: that saves two round trips of three."""

    isolation_level = "AUTOCOMMIT"
    _ALONE: ClassVar[tuple[type[Command[Any]], ...]] = (Claim, Renew)

    def __init__(self, schema: Schema, clock: Clock) -> None:
        super().__init__(schema, clock)
        self._text = _statements(schema)

    def configure(self, connection: Connection) -> None:
        check_version(connection, 12)

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
            return None
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
        """Tell other processes, at the commit, if something is due earlier than what they know."""
        pairs = zip(commands, answers, strict=True)
        earliest = min((due for pair in pairs if (due := earliest_due(*pair)) is not None), default=None)
        if earliest is not None:
            told = {"channel": self.channel(connection), "payload": f"{earliest} {origin}", "earliest": earliest}
            connection.execute(self._text["notify"], told)

    def now(self, connection: Connection) -> int:
        now: int = connection.execute(self._text["now"]).scalar_one()
        return now

    def add(self, connection: Connection, command: Add) -> Added:
        rows = rows_to_add(command)
        if not rows:
            return Added()
        parameters = columns_of(rows, *_TYPES)
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

    def settle(self, connection: Connection, command: Settle) -> tuple[Lease, ...]:
        items = {Lease(item.task_id, item.token): item for item in reversed(command.settlements)}
        done = [lease for lease, item in items.items() if item.outcome == "done"]
        kept = self.settlement_rows(connection, [item for item in items.values() if item.outcome != "done"])
        settled: set[Lease] = set()
        if done:
            settled |= self._leases(connection, "delete", lease_columns(done))
        if kept:
            settled |= self._leases(connection, "settle", columns_of(kept, *_SETTLED))
        return stale_settlements(command, settled)

    def renew(self, connection: Connection, command: Renew) -> tuple[Lease, ...]:
        renewed = self._leases(connection, "renew", lease_columns(command.leases) | {"lease": command.lease})
        return tuple(lease for lease in command.leases if lease not in renewed)

    def _leases(self, connection: Connection, statement: str, parameters: dict[str, Any]) -> set[Lease]:
        return {Lease(*row) for row in connection.execute(self._text[statement], parameters)}


def _statements(schema: Schema) -> dict[str, TextClause]:
    preparer = PGDialect().identifier_preparer  # type: ignore[no-untyped-call]
    names = {
        "tasks": preparer.format_table(schema.tasks),
        "token": str(schema.token and preparer.format_sequence(schema.token)),
        "now": _NOW,
        "columns": ", ".join(_TYPES),
        "fresh": ", ".join(f"{name} = excluded.{name}" for name in _TYPES if name != "task_id"),
        "record": ", ".join(f"taken.{name}" for name in Record.__struct_fields__),
        "rows": unnest(*_TYPES),
        "settled": unnest(*_SETTLED),
        "leases": unnest("task_id", "token"),
        "times": unnest("task_id", "run_at"),
        "ours": "tasks.task_id = given.task_id AND tasks.token = given.token",
        "close": _CLOSE,
    }
    return {name: text(template.format_map(names)) for name, template in _TEMPLATES.items()}


_TEMPLATES = {
    "now": "SELECT {now}",
    "lock": "SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))",
    "notify": """
        SELECT pg_notify(:channel, :payload)
        WHERE NOT EXISTS (SELECT FROM {tasks} WHERE due > {now} + {close} AND due < :earliest)
    """,
    "replace": "INSERT INTO {tasks} ({columns}) SELECT * FROM {rows} ON CONFLICT (task_id) DO UPDATE SET {fresh}",
    "add": "INSERT INTO {tasks} ({columns}) SELECT * FROM {rows} ON CONFLICT DO NOTHING RETURNING task_id",
    "move": """
        UPDATE {tasks} AS tasks
        SET run_at = given.run_at, due = CASE WHEN paused_at IS NULL THEN given.run_at END,
            attempts = 0, failed_at = NULL, leased_until = NULL, token = 0
        FROM {times} WHERE tasks.task_id = given.task_id
        RETURNING tasks.task_id, tasks.due
    """,
    # Rows that others hold are passed over. All parts of the statement see the tasks as they were before it, so what
    # is left lies behind as many of the earliest due times as were taken.
    "claim": """
        WITH clock AS MATERIALIZED (SELECT {now} AS now, nextval('{token}') AS token),
        due AS MATERIALIZED (
            SELECT task_id, due FROM {tasks} WHERE due <= (SELECT now FROM clock)
            ORDER BY due LIMIT :limit FOR UPDATE SKIP LOCKED
        ),
        taken AS (
            UPDATE {tasks} AS tasks
            SET token = clock.token, attempts = attempts + 1,
                leased_until = clock.now + :lease, due = clock.now + :lease
            FROM due, clock WHERE tasks.task_id = due.task_id
            RETURNING tasks.*, due.due AS was_due
        ),
        next AS MATERIALIZED (
            SELECT due FROM {tasks} WHERE due IS NOT NULL
            ORDER BY due OFFSET (SELECT count(*) FROM due) LIMIT 1
        )
        SELECT clock.now, (SELECT due FROM next), {record}
        FROM clock LEFT JOIN taken ON true ORDER BY taken.was_due
    """,
    "delete": "DELETE FROM {tasks} AS tasks USING {leases} WHERE {ours} RETURNING tasks.task_id, tasks.token",
    "settle": """
        UPDATE {tasks} AS tasks
        SET run_at = given.run_at, due = CASE WHEN paused_at IS NULL THEN given.due END, attempts = given.attempts,
            error = coalesce(given.error, tasks.error), failed_at = given.failed_at, leased_until = NULL, token = 0
        FROM {settled} WHERE {ours}
        RETURNING given.task_id, given.token
    """,
    "renew": """
        UPDATE {tasks} AS tasks
        SET leased_until = {now} + :lease, due = CASE WHEN paused_at IS NULL THEN {now} + :lease END
        FROM {leases} WHERE {ours}
        RETURNING tasks.task_id, tasks.token
    """,
}
