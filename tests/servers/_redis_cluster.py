"""A cluster of Redis or Valkey servers: three masters, and replicas of the first of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from servers._folder import comes_true
from servers._group import ServerGroup
from servers._redis import RedisServer

SLOTS = 16384
MASTERS = 3
SETTINGS = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")


class ClusterNode(RedisServer):
    """One of the servers of a cluster."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def bus_port(self) -> int:
        """Where the nodes talk to each other: by itself a node would take its port + 10000, which may not be free."""
        return self._port("bus-port")

    def known(self) -> list[tuple[str, str]]:
        """The flags of each node that it knows of, itself too, and the state of its link to that one."""
        rows = [line.split() for line in self.execute("CLUSTER", "NODES").splitlines()]
        return [(row[2].removeprefix("myself,"), row[7]) for row in rows]

    def is_in_order(self) -> bool:
        """Whether it takes the cluster to be served and, if it is a replica, follows its master."""
        return self.is_in_sync() and "cluster_state:ok" in self.execute("CLUSTER", "INFO").split()

    def _command(self) -> list[str]:
        return [*super()._command(), *SETTINGS, "--cluster-port", str(self.bus_port)]


class RedisCluster(ServerGroup):
    """The servers of a cluster, in folders side by side."""

    def __init__(self, binary: Path, folder: Path, replicas: int = 0, arguments: Sequence[str] = ()) -> None:
        self._replicas = replicas
        self.nodes: list[ClusterNode] = [
            ClusterNode(binary, folder.with_name(f"{folder.name}-{number}"), arguments)
            for number in range(1, MASTERS + replicas + 1)
        ]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def start(self) -> None:
        """Start the nodes that do not run; returns when all agree on who has which slots, and replicas follow."""
        for node in self.nodes:
            node.start()
        if len(self.nodes[0].known()) == 1:
            self._join()
        self._wait(lambda: self._all_know(["master"] * MASTERS + ["slave"] * self._replicas))
        self._wait(lambda: all(node.is_in_order() for node in self.nodes))

    def _join(self) -> None:
        first, *others = self.nodes
        bounds = [SLOTS * number // MASTERS for number in range(MASTERS + 1)]
        for epoch, (node, begin, end) in enumerate(zip(self.nodes, bounds, bounds[1:], strict=False), start=1):
            node.execute("CLUSTER", "ADDSLOTSRANGE", begin, end - 1)
            node.execute("CLUSTER", "SET-CONFIG-EPOCH", epoch)  # else they take a while to settle who is first
        for node in others:
            first.execute("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        self._wait(lambda: self._all_know(["master"] * len(self.nodes)))
        for node in self.nodes[MASTERS:]:
            node.execute("CLUSTER", "REPLICATE", first.execute("CLUSTER", "MYID"))

    def _all_know(self, roles: list[str]) -> bool:
        """Whether every node is in touch with every other, and takes them to have these roles."""
        expected = [(role, "connected") for role in roles]
        return all(sorted(node.known()) == expected for node in self.nodes)

    def _wait(self, condition: Callable[[], bool]) -> None:
        if not comes_true(condition):
            states = "\n".join(f"{node.folder}: {node.known()}" for node in self.nodes)
            raise RuntimeError(f"the nodes of a cluster did not come together:\n{states}")
