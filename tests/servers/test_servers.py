"""The servers of the tests themselves: they answer, restart in place, and leave nothing behind."""

import socket

import pytest
from servers._databases import execute
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer
from servers._process import accepts

Server = PostgresServer | MariaDBServer
SHARED = ["postgres_url", "machine_postgres_url", "mysql_url"]
FRESH = ["fresh_postgres_url", "fresh_mysql_url"]
PRIVATE = ["private_postgres", "private_mariadb"]


@pytest.mark.parametrize("fixture", SHARED)
def test_a_server_answers(request: pytest.FixtureRequest, fixture: str) -> None:
    assert execute(request.getfixturevalue(fixture), "SELECT 1") == [(1,)]


@pytest.mark.anyio
@pytest.mark.parametrize("fixture", ["postgres_url", "mysql_url"])
async def test_a_server_answers_in_an_event_loop(request: pytest.FixtureRequest, fixture: str) -> None:
    assert execute(request.getfixturevalue(fixture), "SELECT 1") == [(1,)]


def test_the_versions_of_postgresql_differ(postgres_url: str, machine_postgres_url: str) -> None:
    assert execute(postgres_url, "SHOW server_version") != execute(machine_postgres_url, "SHOW server_version")


@pytest.mark.parametrize("tables", ["first", "second"])
@pytest.mark.parametrize("fixture", FRESH)
def test_each_test_gets_a_database_of_its_own(request: pytest.FixtureRequest, fixture: str, tables: str) -> None:
    url: str = request.getfixturevalue(fixture)
    assert url != request.getfixturevalue(fixture.removeprefix("fresh_"))
    execute(url, "CREATE TABLE notes (note integer)")


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("fixture", PRIVATE)
def test_a_server_keeps_its_port_and_what_is_committed(request: pytest.FixtureRequest, fixture: str, end: str) -> None:
    server: Server = request.getfixturevalue(fixture)
    url = server.url("tasks")
    execute(url, "CREATE TABLE notes (note integer)", "INSERT INTO notes VALUES (7)")
    server.stop() if end == "stop" else server.kill()
    assert not server.running
    assert not accepts(server.port)
    server.start()
    assert server.url("tasks") == url
    assert execute(url, "SELECT note FROM notes") == [(7,)]


@pytest.mark.parametrize("fixture", PRIVATE)
def test_a_server_that_cannot_start_says_why(request: pytest.FixtureRequest, fixture: str) -> None:
    server: Server = request.getfixturevalue(fixture)
    server.stop()
    with (
        socket.create_server(("127.0.0.1", server.port)),
        pytest.raises(RuntimeError, match=r"did not start(.|\n)*Address already in use"),
    ):
        server.start()
    assert not server.running
