"""A database that cannot be opened: the error says why and where, and nothing ever shows the password."""

import logging
import socket
import traceback
from datetime import timedelta
from typing import Any

import anyio
import pytest
from outage.sites import PASSWORD, Site
from servers._process import free_port

import taskshed
from taskshed.datastores import RedisDataStore, SQLDataStore

pytestmark = pytest.mark.anyio

# What is wrong: what is different in the URL.
REFUSED: dict[str, dict[str, Any]] = {
    "the password": {"password": f"not-{PASSWORD}"},
    "the user": {"username": "nobody"},
    "the database": {"database": "99"},
    "permissions": {"username": "guest"},
}
AWAY: dict[str, dict[str, Any]] = {
    "the port": {"port": free_port()},
    "the host": {"host": "nobody.invalid"},
}
SAID_OF_AWAY = {"the port": "connect", "the host": "not known|no address|resolution"}
MISTAKES = [
    f"postgresql://ada:{PASSWORD}",
    f"mysql://ada:{PASSWORD}/tasks",
    f"postgresql://ada:half@{PASSWORD}@127.0.0.1:5432/tasks",
    f"mysql://ada:half@{PASSWORD}@127.0.0.1:3306/tasks",
    f"nonsense://ada:{PASSWORD}@127.0.0.1/tasks",
    f"ada:{PASSWORD}@127.0.0.1/tasks",
]
REDIS_MISTAKES = [
    f"http://ada:{PASSWORD}@127.0.0.1/0",
    f"redis://ada:half/{PASSWORD}@127.0.0.1:6379/0",
    f"redis://ada:secret@127.0.0.1:{PASSWORD}/0",
    f"redis://ada@127.0.0.1/0?password={PASSWORD}&socket_connect_timeout=soon",
    f"redis://[ada:{PASSWORD}@127.0.0.1/0",
    f"ada:{PASSWORD}@127.0.0.1/0",
]


@pytest.fixture
def strict_site(site: Site) -> Site:
    """A server that asks for passwords."""
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
    await strict_site.let_in_guest()
    caplog.set_level(logging.DEBUG)
    said = strict_site.refusals | SAID_OF_AWAY
    for wrong, parts in (REFUSED | AWAY).items():
        url = strict_site.url_with(**parts)
        config, datastore = strict_site.config(url=url), strict_site.store(url=url)
        with pytest.raises(taskshed.DatastoreError, match=f"(?i){config.place}: .*({said[wrong]})") as caught:
            await datastore.start()
        assert (wrong in AWAY) == isinstance(caught.value, taskshed.DatastoreUnavailableError)
        assert not isinstance(caught.value, taskshed.DatastoreFormatError)
        check_secrecy(caplog, config, datastore, error=caught.value)


async def test_nobody_sees_the_password_while_all_is_well(strict_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    config = strict_site.config()
    async with strict_site.store() as datastore:
        check_secrecy(caplog, config, datastore)
    check_secrecy(caplog, config, datastore)


@pytest.mark.parametrize("url", MISTAKES)
def test_a_url_with_a_mistake_is_refused_without_showing_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match=r"URL|no SQL datastore") as caught:
        SQLDataStore(url)
    check_secrecy(caplog, error=caught.value)


@pytest.mark.parametrize("url", REDIS_MISTAKES)
def test_a_redis_url_with_a_mistake_is_refused_without_showing_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="no Redis URL") as caught:
        RedisDataStore(url)
    check_secrecy(caplog, error=caught.value)


async def test_a_host_that_says_nothing_is_out_of_reach(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = site.url_with(port=silent.getsockname()[1])
        with anyio.fail_after(5), pytest.raises(taskshed.DatastoreUnavailableError, match="no answer in time"):
            await site.store(url=url, timeout=timedelta(seconds=0.5)).start()
