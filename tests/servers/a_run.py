"""A test run for test_leftovers.py: it tells of its servers, and ends in one way or another."""

import os
from pathlib import Path

import pytest
from servers._folder import comes_true
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer
from sqlalchemy import make_url


@pytest.mark.parametrize("number", [1, 2])
def test_run(
    servers_folder: Path,
    postgres_url: str,
    mysql_url: str,
    private_postgres: PostgresServer,
    private_mariadb: MariaDBServer,
    number: int,
) -> None:
    ports = [make_url(postgres_url).port, make_url(mysql_url).port, private_postgres.port, private_mariadb.port]
    note = Path(os.environ["NOTES"], str(number))
    note.write_text(" ".join(map(str, [servers_folder, *ports])))
    note.rename(note.with_suffix(".note"))
    match os.environ["ENDING"]:
        case "killed server":
            private_postgres.kill()
        case "failure":
            pytest.fail("as it should")
        case "SIGINT" | "SIGKILL":
            comes_true(lambda: not servers_folder.exists())
