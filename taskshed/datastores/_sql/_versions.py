"""The version of the tables: created, brought up to date, or refused."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, select
from sqlalchemy.schema import CreateSchema

from taskshed.datastores._sql._schema import Schema
from taskshed.errors import DatastoreFormatError

Upgrade = Callable[[Connection, Schema], None]

# The first brings tables of version 1 to version 2, and so on; none was needed yet.
UPGRADES: tuple[Upgrade, ...] = ()


def current_version(upgrades: Sequence[Upgrade] = UPGRADES) -> int:
    """The version of tables that are made now."""
    return len(upgrades) + 1


def prepare(connection: Connection, schema: Schema, *, create: bool, upgrades: Sequence[Upgrade] = UPGRADES) -> None:
    """See that the tables are there and of this version, while nobody else does so.

    Args:
        create: whether to create those that are absent and to bring older ones up to date.

    Raises:
        DatastoreFormatError: they are not TaskShed's, or a newer TaskShed's, or may not be made.
    """
    known = current_version(upgrades)
    inspector = inspect(connection)
    sign = {schema.meta.name: "schema_version", schema.tasks.name: "task_id"}  # a column that no version is without
    existing = sorted(set(inspector.get_table_names(schema=schema.name)) & set(sign))
    columns = {name: [column["name"] for column in inspector.get_columns(name, schema.name)] for name in existing}
    if strange := ", ".join(name for name in existing if sign[name] not in columns[name]):
        raise DatastoreFormatError(f"the tables {strange} exist but are not TaskShed's; choose another table_prefix")
    version = _version(connection, schema) if len(existing) == len(sign) else 0
    if version > known:
        raise DatastoreFormatError(
            f"the tables are of schema version {version}, this TaskShed knows up to {known}; upgrade it"
        )
    if version < known and not create:
        what = f"the tables are of schema version {version}, not {known}" if version else "there are no tables"
        raise DatastoreFormatError(
            f"{what}; start once with create_tables=True, or apply what SQLDataStore.ddl({schema.backend!r}) prints"
        )
    if not version:
        _create(connection, schema, known)
        return
    for upgrade in upgrades[version - 1 :]:
        upgrade(connection, schema)
    # A database that may only be read says so here, and not when the first task is due.
    connection.execute(schema.meta.update().values(schema_version=known))


def _create(connection: Connection, schema: Schema, version: int) -> None:
    if schema.name is not None and schema.name not in inspect(connection).get_schema_names():
        connection.execute(CreateSchema(schema.name, if_not_exists=True))
    schema.metadata.create_all(connection)  # what is there already was left by somebody who was interrupted
    connection.execute(schema.meta.insert().values(schema.first_row(version)))


def _version(connection: Connection, schema: Schema) -> int:
    """The version of tables that exist; 0 if their making was interrupted."""
    version: int | None = connection.execute(select(schema.meta.c.schema_version)).scalar()
    return version or 0
