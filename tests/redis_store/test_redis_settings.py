"""Settings that make no sense are refused with their value, and nothing that is shown has a password."""

import traceback
from datetime import timedelta
from typing import Any

import pytest
import redis
from redis.asyncio import Redis, RedisCluster, Sentinel
from servers._redis import RedisServer

import taskshed
from taskshed.datastores import RedisConfig, RedisDataStore

pytestmark = pytest.mark.anyio

PASSWORD = "s3cret-pa55"
HERE = [("localhost", 26379)]

BAD_SETTINGS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"url": "redis://one", "client": Redis()}, ValueError, "give one of url and client, not both"),
    ({"url": "redis://one", "host": "two"}, ValueError, "give one of url and host and port, not both"),
    ({"url": "redis://one", "port": 6380}, ValueError, "give one of url and host and port, not both"),
    ({"unix_socket_path": "/s", "host": "two"}, ValueError, "one of unix_socket_path and host and port, not both"),
    ({"url": "unix:///s", "unix_socket_path": "/s"}, ValueError, "give one of url and unix_socket_path, not both"),
    (
        {"url": "redis://one", "sentinels": HERE, "sentinel_service": "tasks"},
        ValueError,
        "give one of url and sentinels, not both",
    ),
    ({"key_prefix": "a{b}"}, ValueError, "key_prefix must be text without braces, not 'a{b}'"),
    ({"key_prefix": "a}"}, ValueError, "key_prefix must be text without braces, not 'a}'"),
    ({"key_prefix": ""}, ValueError, "key_prefix must be text without braces, not ''"),
    ({"key_prefix": b"a"}, ValueError, "key_prefix must be text without braces, not b'a'"),
    ({"shards": 0}, ValueError, "shards must be from 1 to 1024, not 0"),
    ({"shards": -1}, ValueError, "shards must be from 1 to 1024, not -1"),
    ({"shards": 1025}, ValueError, "shards must be from 1 to 1024, not 1025"),
    ({"shards": 2.0}, ValueError, "shards must be from 1 to 1024, not 2.0"),
    ({"port": 0}, ValueError, "port must be from 1 to 65535, not 0"),
    ({"port": 65536}, ValueError, "port must be from 1 to 65535, not 65536"),
    ({"port": "6379"}, ValueError, "port must be from 1 to 65535, not '6379'"),
    ({"timeout": timedelta(0)}, ValueError, "timeout must be a positive timedelta, not datetime.timedelta(0)"),
    ({"timeout": 30}, ValueError, "timeout must be a positive timedelta, not 30"),
    ({"poll_interval": timedelta(-1)}, ValueError, "poll_interval must be a positive timedelta"),
    ({"cluster": True, "db": 2}, ValueError, "no db but 0; leave them out"),
    ({"cluster": True, "url": "redis://one/2"}, ValueError, "no db but 0; leave them out"),
    ({"cluster": True, "unix_socket_path": "/s"}, ValueError, "no unix_socket_path"),
    ({"cluster": True, "url": "unix:///s"}, ValueError, "no unix_socket_path"),
    ({"cluster": True, "sentinels": HERE, "sentinel_service": "tasks"}, ValueError, "no sentinels"),
    ({"cluster": True, "client": Redis()}, ValueError, "a redis.asyncio.Redis knows no cluster"),
    ({"sentinels": HERE}, ValueError, "sentinels and sentinel_service belong together; give both or neither"),
    ({"sentinel_service": "tasks"}, ValueError, "sentinels and sentinel_service belong together; give both or neither"),
    ({"client": redis.Redis()}, TypeError, "not a <class 'redis.client.Redis'>"),
    ({"client": "redis://one"}, TypeError, "not a <class 'str'>"),
    ({"url": "http://one"}, ValueError, "that is no Redis URL"),
    ({"url": "redis://one:port"}, ValueError, "that is no Redis URL"),
]

BAD_URLS = [
    f"http://ada:{PASSWORD}@localhost",
    f"redis:/ada:{PASSWORD}@localhost",
    f"redis://ada:{PASSWORD}@localhost:port/0",
    f"redis://ada:{PASSWORD}@[::1/0",
    f"redis://ada:{PASSWORD}@localhost/tasks",
    f"redis://ada@localhost:{PASSWORD}",
    f"redis://ada:{PASSWORD}@localhost/0?socket_timeout={PASSWORD}",
]


def shown(error: BaseException) -> str:
    """All that a program that does not handle it would show."""
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(("settings", "error", "text"), BAD_SETTINGS, ids=[text for _, _, text in BAD_SETTINGS])
def test_settings_that_make_no_sense(settings: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        RedisConfig(**settings)
    assert text in str(caught.value)


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    for use in (RedisDataStore, lambda url: RedisConfig(url=url)):
        with pytest.raises(ValueError, match="that is no Redis URL; it should look like redis://") as caught:
            use(url)
        assert PASSWORD not in shown(caught.value)


STRANGE_OPTIONS = ["rediss://host?ssl_cert_reqs={}", "redis://a?da:{}@host/0?db=2", "redis://host?retry={}&protocol=9"]


@pytest.mark.parametrize("url", STRANGE_OPTIONS)
def test_an_option_that_cannot_be_taken_is_a_value_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(ValueError, match="the URL has an option with a value that") as caught:
        RedisConfig(url=url.format(PASSWORD))
    assert PASSWORD not in shown(caught.value)


@pytest.mark.parametrize("url", ["unix:////ada:{}@/run/redis.sock", "unix:///run/redis.sock&password={}"])
def test_a_sign_too_many_or_too_few_shows_no_password_either(url: str) -> None:
    assert PASSWORD not in repr(RedisConfig(url=url.format(PASSWORD)))


def test_an_option_that_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="an option that redis-py does not know: 'soket_timeout'") as caught:
        RedisConfig(url=f"redis://ada:{PASSWORD}@localhost/0?soket_timeout=1")
    assert PASSWORD not in shown(caught.value)


async def test_the_front_door_does_not_show_a_url_either() -> None:
    url = f"redis://ada:{PASSWORD}@localhost:port/0"
    with pytest.raises(ValueError, match="that is no Redis URL") as caught:
        async with taskshed.open_scheduler(url):
            pass
    assert PASSWORD not in shown(caught.value)


def test_what_is_no_configuration_is_refused() -> None:
    config: Any = redis.Redis()
    with pytest.raises(TypeError, match=r"must be a RedisConfig, a URL or a client of redis\.asyncio, not <class"):
        RedisDataStore(config)


def test_a_configuration_shows_no_password() -> None:
    master = Sentinel(HERE, password=PASSWORD).master_for("tasks")  # type: ignore[no-untyped-call]
    secrets: dict[str, dict[str, Any]] = {
        "redis://localhost:6379/2": {"username": "ada", "password": PASSWORD, "db": 2},
        "redis://one:6380/3": {"url": f"redis://ada:{PASSWORD}@one:6380/3"},
        "unix:///s?db=1": {"url": f"unix://ada:{PASSWORD}@/s?db=1"},
        "redis://two:6379/0": {"client": Redis(host="two", username="ada", password=PASSWORD)},
        "redis://three:7000": {"client": RedisCluster(host="three", port=7000, password=PASSWORD)},
        "redis://four:6379": {"url": f"redis://ada:{PASSWORD}@four", "cluster": True},
        "redis://tasks of localhost:26379": {
            "sentinels": HERE,
            "sentinel_service": "tasks",
            "password": PASSWORD,
            "sentinel_password": PASSWORD,
        },
    }
    for place, settings in secrets.items():
        config = RedisConfig(**settings)
        assert config.place == place
        assert repr(config).startswith(f"RedisConfig({place!r}")
        assert PASSWORD not in repr(config) + str(config) + repr(RedisDataStore(config))
    assert RedisConfig(client=master).place == "redis://tasks of localhost:26379"


async def test_errors_show_no_password(private_valkey: RedisServer) -> None:
    private_valkey.execute("CONFIG", "SET", "requirepass", "another")
    url = f"redis://:{PASSWORD}@127.0.0.1:{private_valkey.port}"
    for text in ("WRONGPASS", "nothing was changed"):
        with pytest.raises(taskshed.DatastoreError, match=text) as caught:
            async with RedisDataStore(RedisConfig(url=url)):
                pass
        assert str(caught.value).startswith(f"redis://127.0.0.1:{private_valkey.port}/0: ")
        assert PASSWORD not in shown(caught.value)
        private_valkey.kill()
