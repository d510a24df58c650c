"""A Redis or Valkey master with a replica, and two sentinels, who make the replica the master when that one is gone."""

from pathlib import Path
from uuid import uuid4

from servers._folder import comes_true
from servers._group import ServerGroup
from servers._redis import APPEND, RedisServer

SENTINELS = 2
QUORUM = 1  # how many must find the master gone; to act on that takes most of the sentinels, which is both
DOWN_AFTER = 1500  # ms; sentinels take 1 s to connect to a new master, and with less they take it to be down at once
TROUBLES = {"s_down", "o_down", "disconnected"}


class SentinelGroup(ServerGroup):
    """A master, its replica and their sentinels, in folders side by side."""

    service_name = "tasks"

    def __init__(self, binary: Path, folder: Path) -> None:
        self.master = RedisServer(binary, folder.with_name(f"{folder.name}-master"), APPEND)
        self.replica = RedisServer(binary, folder.with_name(f"{folder.name}-replica"), APPEND)
        self.sentinel_nodes = [
            RedisServer(binary, folder.with_name(f"{folder.name}-sentinel-{number}"), ["--sentinel"])
            for number in range(1, SENTINELS + 1)
        ]
        self.nodes = [self.master, self.replica, *self.sentinel_nodes]

    @property
    def sentinels(self) -> list[tuple[str, int]]:
        """The hosts and ports of the sentinels."""
        return [("127.0.0.1", node.port) for node in self.sentinel_nodes]

    def named_masters(self) -> set[int]:
        """The ports that the sentinels name when they are asked for the master."""
        names = [node.execute("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service_name) for node in self.sentinel_nodes]
        return {int(port) for _, port in names}

    def start(self) -> None:
        """Start the servers that do not run; returns when one follows the other, and the sentinels can act."""
        if not self.master.data.exists():
            self._set_up()
        for node in self.nodes:
            node.start()
        for condition in (self._is_replicated, self._is_watched):
            if not comes_true(condition):
                raise RuntimeError(f"{condition.__name__} remains untrue for {[node.folder for node in self.nodes]}")

    def _set_up(self) -> None:
        for node in self.nodes:
            node.initialise()
        self.replica.configure(f"replicaof 127.0.0.1 {self.master.port}")
        identities = [uuid4().hex.ljust(40, "0") for _ in self.sentinel_nodes]
        for node, identity in zip(self.sentinel_nodes, identities, strict=True):
            node.configure(
                f"sentinel myid {identity}",
                f"sentinel monitor {self.service_name} 127.0.0.1 {self.master.port} {QUORUM}",
                f"sentinel down-after-milliseconds {self.service_name} {DOWN_AFTER}",
                f"sentinel failover-timeout {self.service_name} 1000",
                # They would find out by themselves, but that takes seconds.
                f"sentinel known-replica {self.service_name} 127.0.0.1 {self.replica.port}",
                *(
                    f"sentinel known-sentinel {self.service_name} 127.0.0.1 {other.port} {known}"
                    for other, known in zip(self.sentinel_nodes, identities, strict=True)
                    if other is not node
                ),
            )

    def _is_replicated(self) -> bool:
        roles = sorted(server.execute("INFO", "replication")["role"] for server in (self.master, self.replica))
        return roles == ["master", "slave"] and self.master.is_in_sync() and self.replica.is_in_sync()

    def _is_watched(self) -> bool:
        return all(self._watches(node) for node in self.sentinel_nodes)

    def _watches(self, sentinel: RedisServer) -> bool:
        """Whether it is in touch with the master, the replica and the other sentinels."""
        master = sentinel.execute("SENTINEL", "MASTER", self.service_name)
        replicas = sentinel.execute("SENTINEL", "REPLICAS", self.service_name)
        others = sentinel.execute("SENTINEL", "SENTINELS", self.service_name)
        flags = [known[known.index("flags") + 1].split(",") for known in (master, *replicas, *others)]
        roles = [role for role, *troubles in flags if not TROUBLES.intersection(troubles)]
        return roles == ["master", "slave", *["sentinel"] * (SENTINELS - 1)]
