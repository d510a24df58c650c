"""The servers that speak Redis's protocol: they answer, restart in place, and leave nothing behind."""

import socket
from typing import Any

import pytest
from redis import Redis
from redis.cluster import RedisCluster as ClusterClient
from redis.exceptions import AuthenticationError, OutOfMemoryError
from redis.exceptions import ConnectionError as NotConnectedError
from servers._folder import comes_true
from servers._process import accepts
from servers._redis import RedisServer
from servers._redis_cluster import RedisCluster
from servers._redis_sentinel import SentinelGroup
from servers._redis_tls import TLSRedisServer
from servers.redis_fixtures import StartServer

SHARED = ["valkey_url", "valkey_socket_url", "machine_redis_url"]


def ask(url: str, *words: str | int) -> Any:
    with Redis.from_url(url, decode_responses=True, protocol=2) as client:
        return client.execute_command(*words)


@pytest.mark.parametrize("fixture", SHARED)
def test_a_server_answers(request: pytest.FixtureRequest, fixture: str) -> None:
    assert ask(request.getfixturevalue(fixture), "ECHO", "hello") == "hello"


@pytest.mark.parametrize("fixture", SHARED)
def test_a_shared_server_keeps_nothing_on_disk(request: pytest.FixtureRequest, fixture: str) -> None:
    url: str = request.getfixturevalue(fixture)
    assert ask(url, "CONFIG", "GET", "save") == ["save", ""]
    assert ask(url, "CONFIG", "GET", "appendonly") == ["appendonly", "no"]


def test_the_machine_has_another_server(valkey_url: str, machine_redis_url: str) -> None:
    assert "valkey_version" in ask(valkey_url, "INFO", "server")
    assert "valkey_version" not in ask(machine_redis_url, "INFO", "server")


def test_a_cluster_takes_keys_of_all_slots(valkey_cluster_url: str) -> None:
    with ClusterClient.from_url(valkey_cluster_url) as client:
        assert len(client.get_primaries()) == 3
        for number in range(100):
            assert client.set(f"servers:{number}", "", px=1)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_keeps_its_port_and_what_it_answered(private_valkey: RedisServer, end: str) -> None:
    server, url, pid = private_valkey, private_valkey.url, private_valkey.pid
    assert ask(url, "SET", "note", "7")
    server.stop() if end == "stop" else server.kill()
    assert not server.running
    assert not accepts(server.port)
    server.start()
    assert server.url == url
    assert server.pid != pid
    assert ask(url, "GET", "note") == ask(server.socket_url, "GET", "note") == "7"


def test_a_server_that_cannot_start_says_why(private_valkey: RedisServer) -> None:
    private_valkey.stop()
    with (
        socket.create_server(("127.0.0.1", private_valkey.port)),
        pytest.raises(RuntimeError, match=r"did not start(.|\n)*Address already in use"),
    ):
        private_valkey.start()
    assert not private_valkey.running


def test_a_server_takes_arguments(start_valkey: StartServer) -> None:
    closed, small = start_valkey("--requirepass", "sesame"), start_valkey("--maxmemory", "1mb")
    with pytest.raises(AuthenticationError):
        ask(closed.url, "PING")
    assert ask(f"redis://:sesame@127.0.0.1:{closed.port}", "PING")
    with pytest.raises(OutOfMemoryError):
        ask(small.url, "SET", "note", "7" * 2**20)


def test_a_server_speaks_tls_with_those_it_knows(tls_redis: TLSRedisServer) -> None:
    knowing = f"{tls_redis.url}?ssl_ca_certs={tls_redis.ca}"
    for stranger in (tls_redis.url, knowing, tls_redis.url.replace("rediss", "redis")):
        with pytest.raises(NotConnectedError):
            ask(stranger, "PING")
    assert ask(f"{knowing}&ssl_certfile={tls_redis.client_cert}&ssl_keyfile={tls_redis.client_key}", "PING")


def test_a_cluster_goes_on_without_one_of_its_nodes(private_cluster: RedisCluster) -> None:
    master, *_, replica = private_cluster.nodes
    master.kill()
    assert comes_true(lambda: ask(replica.url, "ROLE")[0] == "master" and replica.is_in_order())
    with ClusterClient.from_url(replica.url) as client:
        assert client.set("note", "7")
        private_cluster.start()
        assert ask(master.url, "ROLE")[0] == "slave"
        assert client.get("note") == b"7"


def test_a_cluster_is_whole_again_after_all_of_it_was_killed(private_cluster: RedisCluster) -> None:
    with ClusterClient.from_url(private_cluster.url) as client:
        assert client.set("note", "7")
    private_cluster.kill()
    assert not [node for node in private_cluster.nodes if node.running or accepts(node.port) or accepts(node.bus_port)]
    private_cluster.start()
    with ClusterClient.from_url(private_cluster.url) as client:
        assert client.get("note") == b"7"


def test_sentinels_make_the_replica_the_master(private_sentinel: SentinelGroup) -> None:
    group = private_sentinel
    assert masters(group) == [["127.0.0.1", str(group.master.port)]] * 2
    group.master.kill()
    assert comes_true(lambda: masters(group) == [["127.0.0.1", str(group.replica.port)]] * 2)
    assert ask(group.replica.url, "ROLE")[0] == "master"


def masters(group: SentinelGroup) -> list[list[str]]:
    """Who the master is, as each sentinel has it."""
    question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", group.service_name)
    return [ask(f"redis://{host}:{port}", *question) for host, port in group.sentinels]
