"""PostgreSQL's statements: each takes any number of rows, as arrays, so that its text is always the same."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql.base import PGDialect

from taskshed._records import Record
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores.commands import Lease

_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
_BEGAN = "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)"  # an index may be asked for it

TYPES = {
    "task_id": "text",
    "group_id": "text",
    "body": "text",
    "run_at": "bigint",
    "paused_at": "bigint",
    "leased_until": "bigint",
    "cancelled_at": "bigint",
    "failed_at": "bigint",
    "token": "bigint",
    "attempts": "integer",
    "error": "text",
    "progress": "text",
    "due": "bigint",
}
SETTLED = ("task_id", "token", "run_at", "due", "attempts", "error", "progress", "failed_at")

# A worker hears of what is due earlier than what it knows. What is due within a second may just be being claimed by
# somebody who sees no more of our transaction than we see of theirs, so it does not count as known.
_CLOSE = 1_000_000


def unnest(*names: str) -> str:
    """Rows, sent as one array for each column, so that the statement is the same for any number of them."""
    arrays = ", ".join(f"CAST(:{name} AS {TYPES[name]}[])" for name in names)
    return f"unnest({arrays}) AS given({', '.join(names)})"


def columns_of(rows: Sequence[dict[str, Any]], *names: str) -> dict[str, list[Any]]:
    """The arrays for `unnest`."""
    return {name: [row[name] for row in rows] for name in names}


def lease_columns(leases: Sequence[Lease]) -> dict[str, list[Any]]:
    """The same for leases."""
    return {"task_id": [lease.task_id for lease in leases], "token": [lease.token for lease in leases]}


def statements(schema: Schema) -> dict[str, TextClause]:
    """All of them, by name."""
    preparer = PGDialect().identifier_preparer  # type: ignore[no-untyped-call]
    names = {
        "tasks": preparer.format_table(schema.tasks),
        "token": str(schema.token and preparer.format_sequence(schema.token)),
        "now": _NOW,
        "began": _BEGAN,
        "columns": ", ".join(TYPES),
        "fresh": ", ".join(f"{name} = excluded.{name}" for name in TYPES if name != "task_id"),
        "record": ", ".join(f"taken.{name}" for name in Record.__struct_fields__),
        "rows": unnest(*TYPES),
        "settled": unnest(*SETTLED),
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
        WHERE :earliest <= coalesce((SELECT min(due) FROM {tasks} WHERE due > {began} + {close}), :earliest)
    """,
    "tell": "SELECT pg_notify(:channel, :payload)",
    "replace": "INSERT INTO {tasks} ({columns}) SELECT * FROM {rows} ON CONFLICT (task_id) DO UPDATE SET {fresh}",
    "add": "INSERT INTO {tasks} ({columns}) SELECT * FROM {rows} ON CONFLICT DO NOTHING RETURNING task_id",
    "move": """
        UPDATE {tasks} AS tasks
        SET run_at = given.run_at, due = CASE WHEN paused_at IS NULL THEN given.run_at END,
            attempts = 0, failed_at = NULL, leased_until = NULL, cancelled_at = NULL, token = 0
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
            error = coalesce(given.error, tasks.error), progress = given.progress, failed_at = given.failed_at,
            leased_until = NULL, cancelled_at = NULL, token = 0
        FROM {settled} WHERE {ours}
        RETURNING given.task_id, given.token
    """,
    "renew": """
        UPDATE {tasks} AS tasks
        SET leased_until = {now} + :lease, due = CASE WHEN paused_at IS NULL THEN {now} + :lease END
        FROM {leases} WHERE {ours}
        RETURNING tasks.task_id, tasks.token, tasks.cancelled_at IS NOT NULL
    """,
}
