"""Callbacks that tell of their runs, and what the tests here know of the store's keys."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio
from outage.sites import comes_true
from servers._redis import RedisServer
from servers._redis_cluster import MASTERS, SLOTS, ClusterNode, RedisCluster

import taskshed
from taskshed.datastores._redis._operations import shard_of
from taskshed.errors import DatastoreUnavailableError
from taskshed.models import Task
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import Callback

BREAK = 0.05  # seconds


class Work:
    """A callback `note`, which tells when its tasks ran."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callback] = {"note": self.note}
        self.runs: dict[str, list[float]] = defaultdict(list)

    async def note(self) -> None:
        self.runs[taskshed.current_occurrence().task_id].append(time.monotonic())

    async def done(self, *task_ids: str, seconds: float = 20) -> None:
        """Wait until each of them has run."""

        async def have_run() -> bool:
            return all(self.runs.get(task_id) for task_id in task_ids)

        await comes_true(have_run, seconds)

    async def settled(self, scheduler: AsyncScheduler, *task_ids: str) -> None:
        """Wait until none of them is kept any more."""

        async def are_gone() -> bool:
            return await scheduler.fetch_tasks(task_ids=task_ids) == []

        await comes_true(are_gone)

    def counts(self) -> dict[str, int]:
        """How often each task has run."""
        return {task_id: len(runs) for task_id, runs in self.runs.items()}


def key(prefix: str, name: str, shard: int = 0) -> str:
    """The name of one of the store's keys."""
    return f"{{{prefix}:{shard}}}:{name}"


def shards_of(keys: Iterable[str], prefix: str) -> set[int]:
    """The shards that have these keys; a key without the braces of a shard of that prefix is an error."""
    shards = set()
    for name in keys:
        tag, brace, _ = name.partition("}:")
        before, _, shard = tag.rpartition(":")
        assert (before, brace) == (f"{{{prefix}", "}:"), name
        shards.add(int(shard))
    return shards


def ids_in_all_shards(name: str, shards: int) -> list[str]:
    """An id for each shard."""
    found: dict[int, str] = {}
    for number in count():
        if len(found) == shards:
            break
        task_id = f"{name}, {number}"
        found.setdefault(shard_of(task_id, shards), task_id)
    return list(found.values())


def commands_of(server: RedisServer) -> Counter[str]:
    """How often each command was said so far, those within scripts included."""
    statistics = server.execute("INFO", "commandstats")
    return Counter({name.removeprefix("cmdstat_"): values["calls"] for name, values in statistics.items()})


def owner_of(cluster: RedisCluster, name: str) -> ClusterNode:
    """The master that had a key's slot when the cluster was made."""
    slot: int = cluster.nodes[0].execute("CLUSTER", "KEYSLOT", name)
    return next(node for number, node in enumerate(cluster.nodes, 1) if slot < SLOTS * number // MASTERS)


def move_slot(cluster: RedisCluster, name: str, source: ClusterNode, target: ClusterNode) -> None:
    """Move a key's slot from node to node as administrators do, one key after another, and with breaks."""
    slot: int = source.execute("CLUSTER", "KEYSLOT", name)
    target_id: str = target.execute("CLUSTER", "MYID")
    target.execute("CLUSTER", "SETSLOT", slot, "IMPORTING", source.execute("CLUSTER", "MYID"))
    source.execute("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    while keys := source.execute("CLUSTER", "GETKEYSINSLOT", slot, 1):
        time.sleep(BREAK)  # in which others come to it while it is on its way
        source.execute("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
    time.sleep(BREAK)
    for node in (target, source, *cluster.nodes[:MASTERS]):
        node.execute("CLUSTER", "SETSLOT", slot, "NODE", target_id)


class Caller:
    """Somebody who adds tasks for tomorrow, one to each shard, and expects an answer, or that it is out of reach."""

    def __init__(self, scheduler: AsyncScheduler, shards: int = 1) -> None:
        self._scheduler = scheduler
        self._shards = shards
        self._told = False
        self.answered: dict[str, tuple[float, float]] = {}  # when it was asked, and when answered
        self.failures: list[float] = []  # how long each took

    async def call(self) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        names = ids_in_all_shards(f"call {len(self.answered) + len(self.failures)} at {tomorrow}", self._shards)
        began = time.monotonic()
        try:
            await self._scheduler.add_tasks(Task(callback="note", run_at=tomorrow, task_id=name) for name in names)
        except DatastoreUnavailableError:
            self.failures.append(time.monotonic() - began)
        else:
            self.answered |= dict.fromkeys(names, (began, time.monotonic()))

    async def call_until_told(self) -> None:
        while not self._told:
            await self.call()
            await anyio.sleep(0.01)

    async def call_until_answered(self) -> None:
        before = len(self.answered)
        with anyio.fail_after(20):
            while len(self.answered) == before:
                await self.call()
                await anyio.sleep(0.01)

    def stop(self) -> None:
        self._told = True

    async def succeeded_after(self, instant: float) -> float:
        """Wait for the answer to a call that was made since then; returns when it came."""

        async def is_so() -> bool:
            return any(asked > instant for asked, _ in self.answered.values())

        await comes_true(is_so)
        return min(answered for asked, answered in self.answered.values() if asked > instant)

    async def has_told_the_truth(self, since: float = 0) -> None:
        """See that all is there that it was told is."""
        names = [name for name, (asked, _) in self.answered.items() if asked > since]
        assert [task.task_id for task in await self._scheduler.fetch_tasks(task_ids=names)] == names
