"""The tables."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Sequence,
    Table,
    Text,
)
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateSequence, CreateTable
from sqlalchemy.types import UserDefinedType

from taskshed.models import MAX_NAME_LENGTH

_Long = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_MYSQL = {"engine": "InnoDB", "charset": "utf8mb4"}


class Name(UserDefinedType[str]):
    """Text that is equal only to itself, and sorts by code points, whatever the database's own collation does."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return f"VARCHAR({MAX_NAME_LENGTH})"


def is_mariadb(dialect: Dialect) -> bool:
    """Whether MariaDB is at the other end; a `mysql://` URL does not say, and a connection does."""
    return bool(getattr(dialect, "is_mariadb", False))


def collation(dialect: Dialect) -> str:
    """The collation of names in MySQL and in MariaDB: by code points, and not ignoring spaces at the end."""
    return "utf8mb4_nopad_bin" if is_mariadb(dialect) else "utf8mb4_0900_bin"


@compiles(Name, "postgresql")
def _postgresql_name(element: Name, compiler: Any, **_: Any) -> str:
    return f'VARCHAR({MAX_NAME_LENGTH}) COLLATE "C"'


@compiles(Name, "mysql", "mariadb")
def _mysql_name(element: Name, compiler: Any, **_: Any) -> str:
    return f"VARCHAR({MAX_NAME_LENGTH}) CHARACTER SET utf8mb4 COLLATE {collation(compiler.dialect)}"


class Schema:
    """TaskShed's tables under a prefix, for one kind of database.

    `due` is `Record.due`, kept as a column so that it can be indexed. The token of the last claim is a counter: a
    sequence on PostgreSQL and a column on SQLite; MySQL has `UUID_SHORT()`. Cancellations are counted for
    those who have to ask whether there were any.
    """

    def __init__(self, prefix: str, backend: str, schema: str | None = None) -> None:
        self.prefix = prefix
        self.backend = backend
        self.name = schema
        self.metadata = MetaData(schema=schema)
        options: dict[str, Any] = {
            f"{name}_{key}": value for name in ("mysql", "mariadb") for key, value in _MYSQL.items()
        }
        counter: list[Any] = [Column("last_token", BigInteger, nullable=False)] if backend == "sqlite" else []
        self.meta = Table(  # one row
            f"{prefix}meta",
            self.metadata,
            Column("schema_version", Integer, nullable=False),
            Column("cancellations", BigInteger, nullable=False),
            *counter,
            **options,
        )
        self.tasks = Table(
            f"{prefix}tasks",
            self.metadata,
            Column("task_id", Name, primary_key=True),
            Column("group_id", Name),
            Column("body", _Long, nullable=False),
            Column("run_at", BigInteger, nullable=False),
            Column("paused_at", BigInteger),
            Column("leased_until", BigInteger),
            Column("cancelled_at", BigInteger),
            Column("failed_at", BigInteger),
            Column("token", BigInteger, nullable=False),
            Column("attempts", Integer, nullable=False),
            Column("error", _Long),
            Column("progress", _Long),
            Column("due", BigInteger),
            **options,
        )
        Index(f"{prefix}tasks_due", self.tasks.c.due)
        Index(f"{prefix}tasks_group", self.tasks.c.group_id, self.tasks.c.task_id)
        has_failed = self.tasks.c.failed_at.is_not(None)
        Index(f"{prefix}tasks_failed", self.tasks.c.failed_at, postgresql_where=has_failed, sqlite_where=has_failed)
        self.token = Sequence(f"{prefix}token", metadata=self.metadata) if backend == "postgresql" else None

    def first_row(self, version: int) -> dict[str, int]:
        """What `meta` holds at the beginning."""
        counter = {"last_token": 0} if self.backend == "sqlite" else {}
        return {"schema_version": version, "cancellations": 0} | counter

    def ddl(self, dialect: Dialect, version: int) -> str:
        """The statements that create it all, each ended by a semicolon."""
        statements: list[Any] = []
        if self.name is not None:
            statements.append(CreateSchema(self.name, if_not_exists=True))
        if self.token is not None:
            statements.append(CreateSequence(self.token))
        for table in (self.meta, self.tasks):
            statements.append(CreateTable(table))
            statements += [CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
        insert = self.meta.insert().values(self.first_row(version))
        texts = [str(statement.compile(dialect=dialect)).strip() for statement in statements]
        texts.append(str(insert.compile(dialect=dialect, compile_kwargs={"literal_binds": True})))
        return ";\n\n".join(texts) + ";\n"
