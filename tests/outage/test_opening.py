"""A database that cannot be opened: the error says why and where, and nothing ever shows the password."""

import logging
import socket
import traceback
from datetime import timedelta
from typing import Any

import anyio
import pytest
from outage.kinds import PostgresSite
from outage.sites import PASSWORD, Site
from servers._process import free_port

import taskshed
from taskshed.datastores import SQLConfig, SQLDataStore

pytestmark = pytest.mark.anyio

GUESTS = {
    "postgresql": [f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'"],
    "mysql": [
        f"CREATE USER guest@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        "GRANT SELECT ON tasks.* TO guest@'127.0.0.1'",
    ],
}

# What is wrong: (what is said of it, what is different in the URL)
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "the password": (r"password", {"password": f"not {PASSWORD}"}),
    "the user": (r"password", {"username": "nobody"}),
    "the database": (r"unknown database|does not exist|denied", {"database": "nothing"}),
    "permissions": (r"denied", {"username": "guest"}),
}
AWAY: dict[str, tuple[str, dict[str, Any]]] = {
    "the port": (r"connect", {"port": free_port()}),
    "the host": (r"not known|no address|resolution", {"host": "nobody.invalid"}),
}
MISTAKES = [
    f"postgresql://ada:{PASSWORD}",
    f"mysql://ada:{PASSWORD}/tasks",
    f"postgresql://ada:half@{PASSWORD}@127.0.0.1:5432/tasks",
    f"mysql://ada:half@{PASSWORD}@127.0.0.1:3306/tasks",
    f"nonsense://ada:{PASSWORD}@127.0.0.1/tasks",
    f"ada:{PASSWORD}@127.0.0.1/tasks",
]


@pytest.fixture
def strict_site(site: Site) -> Site:
    """A server that asks for passwords, and knows somebody who may do nothing."""
    if isinstance(site, PostgresSite):
        site.ask_for_passwords()
    return site


def check_secrecy(caplog: pytest.LogCaptureFixture, *objects: object, error: BaseException | None = None) -> None:
    """See that the password is shown nowhere."""
    shown = [*map(repr, objects), *map(str, objects), caplog.text]
    if error is not None:
        shown += [str(error), repr(error), *traceback.format_exception(error)]
    shown += [f"{record.getMessage()} {record.args!r}" for record in caplog.records]
    assert PASSWORD not in "\n".join(shown)


async def test_what_is_wrong_is_said_without_the_password(strict_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    await strict_site.execute(*GUESTS[strict_site.url.partition(":")[0]])
    caplog.set_level(logging.DEBUG)
    for wrong, (reason, parts) in (REFUSED | AWAY).items():
        config = SQLConfig(url=strict_site.url_with(**parts))
        datastore = SQLDataStore(config)
        with pytest.raises(taskshed.DatastoreError, match=f"(?i){config.place}: .*({reason})") as caught:
            await datastore.start()
        assert (wrong in AWAY) == isinstance(caught.value, taskshed.DatastoreUnavailableError)
        assert not isinstance(caught.value, taskshed.DatastoreFormatError)
        check_secrecy(caplog, config, datastore, error=caught.value)


async def test_nobody_sees_the_password_while_all_is_well(strict_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    config = SQLConfig(url=strict_site.url)
    async with SQLDataStore(config) as datastore:
        check_secrecy(caplog, config, datastore)
    check_secrecy(caplog, config, datastore)


@pytest.mark.parametrize("url", MISTAKES)
def test_a_url_with_a_mistake_is_refused_without_showing_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match=r"URL|no SQL datastore") as caught:
        SQLDataStore(url)
    check_secrecy(caplog, error=caught.value)


async def test_a_host_that_says_nothing_is_out_of_reach(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = site.url_with(port=silent.getsockname()[1])
        with anyio.fail_after(5), pytest.raises(taskshed.DatastoreUnavailableError, match="no answer in time"):
            await site.store(url=url, timeout=timedelta(seconds=0.5)).start()
