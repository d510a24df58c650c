"""What databases do for the statements of the store: recorded while it executes them, and explained."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, event, text

from taskshed._clock import SystemClock
from taskshed.datastores import SQLConfig
from taskshed.datastores._sql._database import Database
from taskshed.datastores._sql._engines import make_database, make_engine

P = ParamSpec("P")
R = TypeVar("R")

HOUR = 3_600_000_000  # microseconds

_FILL = """
    INSERT INTO {tasks} (task_id, group_id, body, run_at, paused_at, token, attempts, due)
    WITH RECURSIVE digits AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM digits WHERE n < 999),
    numbers AS (
        SELECT 1000 * a.n + b.n AS n, 1000 * b.n + a.n AS shuffled
        FROM digits AS a CROSS JOIN digits AS b WHERE a.n < {thousands}
    )
    SELECT CAST(1000000 + n AS CHAR(7)), {group_id}, '{{"callback":"greet"}}', {now} + {hour} * (24 + shuffled),
        CASE WHEN {paused} THEN {now} END, 0, 0, CASE WHEN NOT ({paused}) THEN {now} + {hour} * (24 + shuffled) END
    FROM numbers
"""


class Statement(NamedTuple):
    """Something that a database was asked to do; `most` is how many tasks it may look at."""

    what: str
    text: str
    parameters: tuple[Any, ...]
    most: int


class Recorder:
    """Calls methods of a `Database`, and keeps their statements about tasks."""

    def __init__(self, connection: Connection, database: Database) -> None:
        self.statements: list[Statement] = []
        self._connection = connection
        self._tasks = database.tasks.name

    def __call__(
        self, what: str, most: int, method: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        def record(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
            if self._tasks in statement:
                self.statements.append(Statement(what, statement, parameters[0] if many else parameters, most))

        before = len(self.statements)
        event.listen(self._connection, "before_cursor_execute", record)
        try:
            answer = method(self._connection, *args, **kwargs)
        finally:
            event.remove(self._connection, "before_cursor_execute", record)
        assert len(self.statements) > before, what
        return answer


async def on_tables(config: SQLConfig, work: Callable[[Connection, Database], R]) -> R:
    """Do something to the tables of a store, on a connection like its own."""
    database = make_database(config, SystemClock())
    engine = make_engine(config.parsed_url())

    def configured(connection: Connection) -> R:
        connection.execution_options(isolation_level=database.isolation_level)
        database.configure(connection)
        return work(connection, database)

    if isinstance(engine, Engine):
        with engine.connect() as connection:
            return configured(connection)
    async with engine.connect() as async_connection:
        return await async_connection.run_sync(configured)


def fill(connection: Connection, database: Database, thousands: int, group_id: str, paused: str = "1 = 0") -> None:
    """Add tasks for later, in an order of their own; `group_id` and `paused` are SQL of their number `n`."""
    terms = {"thousands": thousands, "group_id": group_id, "paused": paused, "hour": HOUR}
    statement = _FILL.format(tasks=database.tasks.name, now=database.now(connection), **terms)
    connection.commit()
    with database.transaction(connection):
        for index in database.tasks.indexes:  # made afterwards in a third of the time
            index.drop(connection)
        assert connection.execute(text(statement)).rowcount == 1000 * thousands
        for index in database.tasks.indexes:
            index.create(connection)


@contextmanager
def undone(connection: Connection, database: Database) -> Iterator[None]:
    """A transaction that is rolled back."""

    class Undo(Exception):  # noqa: N818 - nothing is wrong
        pass

    with suppress(Undo), database.transaction(connection):
        yield
        raise Undo


def explain(connection: Connection, database: Database, statement: Statement) -> Iterator[str]:
    """What is wrong with the way in which the database does it."""
    explaining = {"postgresql": _on_postgresql, "mysql": _on_mysql, "sqlite": _on_sqlite}[connection.dialect.name]
    for complaint in explaining(connection, database.tasks.name, statement):
        shown = f"{statement.what}: {complaint}\n    {' '.join(statement.text.split())[:300]}"
        yield shown.replace(database.tasks.name, "tasks")


def _on_postgresql(connection: Connection, tasks: str, statement: Statement) -> Iterator[str]:
    # asyncpg prepares statements too, and after five executions they may get one plan for whatever parameters.
    connection.exec_driver_sql(f"PREPARE statement AS {statement.text}")
    parameters = ", ".join(map(_literal, statement.parameters))
    execute = f"EXECUTE statement({parameters})" if parameters else "EXECUTE statement"
    for execution in range(1, 7):
        if execution not in (1, 6):
            connection.exec_driver_sql(f"EXPLAIN {execute}")
            continue
        connection.exec_driver_sql("SAVEPOINT explained")
        answer: Any = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {execute}").scalar()
        connection.exec_driver_sql("ROLLBACK TO explained")
        scans = [node for node in _nodes(answer[0]["Plan"]) if _is_scan(node, tasks)]
        for node in scans:
            if node["Node Type"] == "Seq Scan" or _looked_at(node) > statement.most:
                name = f"{node['Node Type']} {node.get('Index Name', '')}"
                yield f"execution {execution}: {name} looks at {_looked_at(node)} tasks"
        if not scans:
            yield "the plan has no tasks"
    connection.exec_driver_sql("DEALLOCATE statement")


def _literal(value: Any) -> str:
    """A parameter as PostgreSQL reads it whatever its type."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        value = f"{{{', '.join('NULL' if item is None else json.dumps(str(item)) for item in value)}}}"
    return "'{}'".format(str(value).replace("'", "''"))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _is_scan(node: dict[str, Any], tasks: str) -> bool:
    return node.get("Relation Name") == tasks and "Scan" in node["Node Type"]


def _looked_at(node: dict[str, Any]) -> int:
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    rows: int = round(node["Actual Loops"] * sum(node.get(name, 0) for name in names))
    return rows


def _on_mysql(connection: Connection, tasks: str, statement: Statement) -> Iterator[str]:
    rows = connection.exec_driver_sql(f"EXPLAIN {statement.text}", statement.parameters).mappings().all()
    found = [row for row in rows if row["table"] in (tasks, "tasks")]
    for row in found:
        if row["type"] in ("ALL", "index") or int(row["rows"]) > statement.most:
            yield f"{row['type']} {row['key']} looks at {row['rows']} tasks"
        if row["key"] == "PRIMARY" and "group_id =" in statement.text:
            yield "PRIMARY looks at tasks of other groups, and may lock them"
    if not found and rows[0]["Extra"] != "Select tables optimized away":
        yield "the plan has no tasks"


def _on_sqlite(connection: Connection, tasks: str, statement: Statement) -> Iterator[str]:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters).all()
    found = [row.detail for row in rows if tasks in row.detail]
    for detail in found:
        every_id = "(task_id>" in detail  # through the primary key, whatever group they are in
        if not detail.startswith("SEARCH ") or " INDEX " not in detail or every_id:
            yield detail
    if not found:
        yield "the plan has no tasks"
