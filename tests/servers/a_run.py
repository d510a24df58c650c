"""A test run for test_leftovers.py: it tells of its servers, and ends in one way or another."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from servers._folder import comes_true
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer
from servers._redis import RedisServer
from servers._redis_cluster import RedisCluster
from servers._redis_sentinel import SentinelGroup


@pytest.mark.parametrize("number", [1, 2])
def test_run(
    request: pytest.FixtureRequest,
    servers_folder: Path,
    postgres_url: str,
    mysql_url: str,
    valkey_url: str,
    private_postgres: PostgresServer,
    private_mariadb: MariaDBServer,
    private_valkey: RedisServer,
    number: int,
) -> None:
    ports = [urlsplit(url).port for url in (postgres_url, mysql_url, valkey_url)]
    ports += [server.port for server in (private_postgres, private_mariadb, private_valkey)]
    if os.environ["ENDING"] == "SIGKILL":  # they take a while to start, and to the guard they are servers like others
        cluster: RedisCluster = request.getfixturevalue("private_cluster")
        group: SentinelGroup = request.getfixturevalue("private_sentinel")
        ports += [node.port for node in (*cluster.nodes, *group.nodes)]
    note = Path(os.environ["NOTES"], str(number))
    note.write_text(" ".join(map(str, [servers_folder, *ports])))
    note.rename(note.with_suffix(".note"))
    match os.environ["ENDING"]:
        case "killed server":
            private_postgres.kill()
            private_valkey.kill()
        case "failure":
            pytest.fail("as it should")
        case "SIGINT" | "SIGKILL":
            comes_true(lambda: not servers_folder.exists())
