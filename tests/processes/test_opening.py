"""Several processes open a store on an empty database at the same moment."""

import sqlite3
from typing import Any

from processes.crews import a_crew
from processes.stores import schedule_some, stored
from redis import Redis
from servers._databases import execute
from sqlalchemy import make_url

QUERY = "SELECT schema_version FROM taskshed_meta"


def schema_versions(database: str) -> list[Any]:
    if database.startswith("redis"):
        with Redis.from_url(database) as client:
            return list(client.scan_iter("*:meta"))
    url = make_url(database)
    if url.get_backend_name() != "sqlite":
        return execute(database, QUERY)
    connection = sqlite3.connect(str(url.database))
    try:
        return connection.execute(QUERY).fetchall()
    finally:
        connection.close()


def test_all_of_ten_processes_succeed_and_make_one_schema(database: str) -> None:
    with a_crew() as crew:
        ten = crew.start("opening.py", database, 10)
        crew.hear_from(10, "ready")
        ten.tell("open")
        crew.hear_from(10, "open")
        crew.end()
    assert len(schema_versions(database)) == 1
    schedule_some(database, 10)
    assert len(stored(database)) == 10
