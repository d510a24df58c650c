import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import ConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.sentinel import SentinelConnectionPool

from taskshed.datastores._places import no_secret
from taskshed.datastores._redis._servers import Cluster, Servers, SingleServer

MOST_SHARDS = 1024
_PARTS_OF_A_URL = ("db", "username", "password", "ssl", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_UNKNOWN_OPTION = re.compile(r"unexpected keyword argument ('[A-Za-z_0-9]+')")
_SHOWN = ("ssl", "cluster", "key_prefix", "shards", "timeout", "poll_interval")


class RedisConfig(msgspec.Struct, kw_only=True, frozen=True):
    """Where a Redis or Valkey is and how it is used. Its text shows no password.

    Attributes:
        url: `redis://user:password@host:6379/0`, `rediss://…` for TLS or `unix:///path?db=0`, instead of the
            settings up to `ssl_keyfile`.
        client: your own `redis.asyncio.Redis` or `RedisCluster` instead of any of them. It is never closed, and tells
            only how to connect: the store has connections of its own.
        host, port, unix_socket_path, db: where it is.
        username, password: who we are.
        ssl: whether to talk in TLS.
        ssl_ca_certs, ssl_certfile, ssl_keyfile: files in PEM with whom to trust and what to show.
        sentinels: hosts and ports of Sentinels, which know the master of `sentinel_service`.
        sentinel_service: the name by which they know it.
        sentinel_username, sentinel_password: who we are for the Sentinels.
        cluster: whether it is a Redis Cluster; host, port or URL are those of any of its nodes.
        key_prefix: begins the names of all keys, as `{prefix:0}:due`.
        shards: on how many hash slots tasks are spread; fixed when the prefix is first used. None is what it is,
            and for a new prefix 1, or 8 on a cluster.
        timeout: how long the server may take for an answer before it counts as out of reach.
        poll_interval: how often the server is looked at although notices come by themselves, should one be lost.
    """

    url: str | None = None
    client: Redis | RedisCluster | None = None
    host: str = "localhost"
    port: int = 6379
    unix_socket_path: str | None = None
    db: int = 0
    username: str | None = None
    password: str | None = None
    ssl: bool = False
    ssl_ca_certs: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    sentinels: Sequence[tuple[str, int]] = ()
    sentinel_service: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = None
    cluster: bool = False
    key_prefix: str = "taskshed"
    shards: int | None = None
    timeout: timedelta = timedelta(seconds=30)
    poll_interval: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        self._check_ways()
        if not isinstance(self.port, int) or not 0 < self.port < 65536:
            raise ValueError(f"port must be from 1 to 65535, not {self.port!r}")
        if not isinstance(self.key_prefix, str) or not self.key_prefix or set("{}") & set(self.key_prefix):
            raise ValueError(f"key_prefix must be text without braces, not {self.key_prefix!r}")
        if self.shards is not None and not (isinstance(self.shards, int) and 0 < self.shards <= MOST_SHARDS):
            raise ValueError(f"shards must be from 1 to {MOST_SHARDS}, not {self.shards!r}")
        for name in ("timeout", "poll_interval"):
            duration = getattr(self, name)
            if not isinstance(duration, timedelta) or duration <= timedelta(0):
                raise ValueError(f"{name} must be a positive timedelta, not {duration!r}")
        if self.cluster and isinstance(self.client, Redis):
            raise ValueError("a redis.asyncio.Redis knows no cluster; give a RedisCluster, or its host and port")
        settings = self._settings()
        if self.url is not None:
            _check_options(self.url)
        if self.cluster and (self.sentinels or "path" in settings or settings.get("db")):
            raise ValueError("a cluster has no sentinels, no unix_socket_path and no db but 0; leave them out")

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in _SHOWN if getattr(self, name) != _DEFAULTS[name]}
        settings = "".join(f", {name}={value!r}" for name, value in shown.items())
        return f"RedisConfig({self.place!r}{settings})"

    @property
    def place(self) -> str:
        """The server, for people; without user and password."""
        service, sentinels = self._service()
        if service is not None:
            return f"redis://{service} of {','.join(f'{host}:{port}' for host, port in sentinels)}"
        if isinstance(self.client, RedisCluster):
            nodes = ",".join(self.client.nodes_manager.startup_nodes)
            return f"redis://{nodes}"
        settings = self._settings()
        if "path" in settings:
            path = settings["path"] if self.url is None else no_secret(settings["path"], ":=")
            return f"unix://{path}?db={settings.get('db', 0)}"
        where = f"{no_secret(settings.get('host', 'localhost'), '=')}:{settings.get('port', 6379)}"
        return f"redis://{where}" + ("" if self.cluster else f"/{settings.get('db', 0)}")

    @property
    def is_cluster(self) -> bool:
        """Whether it is a Redis Cluster."""
        return self.cluster or isinstance(self.client, RedisCluster)

    def servers(self) -> Servers:
        """How to find and reach the servers; nothing is connected yet."""
        if isinstance(self.client, RedisCluster):
            return Cluster(self.client, own=False)
        if self.client is not None:
            return SingleServer(self.client, own=False)
        settings = self._settings()
        connection_class: type[AbstractConnection] = settings.pop("connection_class", Connection)
        encrypted = issubclass(connection_class, SSLConnection)
        if self.sentinel_service is not None:
            who = _given({"username": self.sentinel_username, "password": self.sentinel_password})
            known = Sentinel(list(self.sentinels), sentinel_kwargs=who, ssl=encrypted, **settings)  # type: ignore[no-untyped-call]
            return SingleServer(known.master_for(self.sentinel_service), own=True)
        if self.cluster:
            settings.pop("db", None)
            return Cluster(RedisCluster(ssl=encrypted, **settings), own=True)
        return SingleServer(Redis(connection_pool=ConnectionPool(connection_class, **settings)), own=True)

    def _check_ways(self) -> None:
        ways = [name for name in ("url", "client", "unix_socket_path", "sentinels") if getattr(self, name)]
        ways += ["host and port"] if (self.host, self.port) != ("localhost", 6379) else []
        if len(ways) > 1:
            raise ValueError(f"give one of {' and '.join(ways)}, not both")
        strays = [name for name in _PARTS_OF_A_URL if getattr(self, name) != _DEFAULTS[name]]
        if strays and (self.url is not None or self.client is not None):
            where = "url" if self.client is None else "client"
            raise ValueError(f"{' and '.join(strays)} would have no effect, for the {where} says it; leave it out here")
        if bool(self.sentinels) != (self.sentinel_service is not None):
            raise ValueError("sentinels and sentinel_service belong together; give both or neither")
        if self.client is not None and not isinstance(self.client, Redis | RedisCluster):
            raise TypeError(f"client must be a redis.asyncio.Redis or RedisCluster, not a {type(self.client)!r}")

    def _service(self) -> tuple[str | None, Sequence[tuple[str, int]]]:
        """The name by which Sentinels know the master, and where they are."""
        pool = self.client.connection_pool if isinstance(self.client, Redis) else None
        if not isinstance(pool, SentinelConnectionPool):
            return self.sentinel_service, self.sentinels
        known = [sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels]
        return pool.service_name, [(settings["host"], settings["port"]) for settings in known]

    def _settings(self) -> dict[str, Any]:
        """The settings as redis-py knows them."""
        if isinstance(self.client, Redis):
            return self.client.connection_pool.connection_kwargs
        if self.url is not None:
            try:
                return _parsed(self.url)
            except ValueError:  # it would show parts of the URL, perhaps of the password
                example = "redis://user:password@host:6379/0, rediss://host:6379/0 or unix:///path?db=0"
                raise ValueError(f"that is no Redis URL; it should look like {example}") from None
        settings: dict[str, Any] = _given({"username": self.username, "password": self.password}) | {"db": self.db}
        if self.unix_socket_path is not None:
            return settings | {"connection_class": UnixDomainSocketConnection, "path": self.unix_socket_path}
        settings |= {"host": self.host, "port": self.port}
        if not self.ssl:
            return settings
        files = {name: getattr(self, name) for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")}
        return settings | {"connection_class": SSLConnection} | _given(files)


def _parsed(url: str) -> dict[str, Any]:
    settings = dict(parse_url(url))
    parts = urlsplit(url)
    if "://" not in url or (parts.scheme != "unix" and parts.path.strip("/") and "db" not in settings):
        raise ValueError("redis-py would pass over what it cannot read, and take another server or database")
    return settings


def _check_options(url: str) -> None:
    try:
        ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
    except Exception as error:  # each option has its own
        option = _UNKNOWN_OPTION.search(str(error)) if isinstance(error, TypeError) else None
        if option is None:  # its text may show parts of the URL
            raise ValueError("the URL has an option with a value that redis-py does not take") from None
        raise ValueError(f"the URL has an option that redis-py does not know: {option[1]}; leave it out") from None


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


_DEFAULTS: dict[str, Any] = dict(zip(RedisConfig.__struct_fields__, RedisConfig.__struct_defaults__, strict=True))
