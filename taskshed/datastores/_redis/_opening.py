"""What is made sure of before a store is used: who answers there, what we may do, and what is kept already."""

import logging
from typing import Any

from taskshed.datastores._redis._config import MOST_SHARDS
from taskshed.datastores._redis._lanes import Lane
from taskshed.datastores._redis._operations import Operation
from taskshed.datastores._redis._rounds import Scripts
from taskshed.datastores._trouble import Trouble

logger = logging.getLogger("taskshed")

FORMAT = 1  # of what the scripts keep
_OLDEST = (6, 2)
_SHARDS_OF_A_CLUSTER = 8
_FAR = 2**53
_NOWHERE = "\0"  # no group can be called that


def rehearsal(publish: str) -> Scripts:
    """Every operation once, on a task whose name no task can have: a user who may not do one finds out at once."""
    changes: list[Operation] = [
        ["add", [["", f"1:{_NOWHERE}{{}}", _NOWHERE, _FAR, None]], True],
        ["pause", [""]],
        ["resume", [""]],
        ["pause", False, _NOWHERE, "0", 1],
        ["move", [["", _FAR]]],
        ["note", "", ""],
        ["retry", [""]],
        ["cancel", [""]],
        ["remove", [""]],
    ]
    others: list[Operation] = [
        ["fetch", False, None, "0", 1],
        ["peek", 0],
        ["claim", 0, 0],
        ["settle", [["", 0, "done", 0, 0, None]]],
        ["renew", [["", 0]], 0],
        ["rehearse", publish],
    ]
    return [changes, others]


def read_info(text: bytes) -> dict[str, str]:
    """What a server says of itself."""
    lines = text.decode(errors="replace").splitlines()
    return {name: value for name, separator, value in (line.partition(":") for line in lines) if separator}


def check_server(info: dict[str, str], *, cluster: bool) -> None:
    """See that it is a server that can be worked with; `cluster` is whether we take it for one.

    Raises:
        Trouble: it is not.
    """
    version = info.get("redis_version", "0")
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise Trouble("format", f"Redis {version} is too old; use Redis 6.2, Valkey or newer")
    if (info.get("cluster_enabled") == "1") != cluster:
        is_one = "is a node of a cluster; say RedisConfig(cluster=True, ...)"
        is_none = "is no node of a cluster; leave cluster=True out"
        raise Trouble("format", f"the server {is_none if cluster else is_one}")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        logger.warning("Redis may throw tasks away when it is full: maxmemory-policy is %s; make it noeviction", policy)


def can_publish_in_shards(info: dict[str, str]) -> bool:
    """Whether notices can stay on the node that has the shard, instead of going to all."""
    return info.get("cluster_enabled") == "1" and int(info.get("redis_version", "0").split(".")[0]) >= 7


async def agree_on_shards(lane: Lane, wanted: int | None, *, cluster: bool) -> int:
    """How many shards there are; whoever comes first decides.

    Raises:
        Trouble: there are others than wanted, or a newer TaskShed has been there.
    """
    meta = lane.namespace.keys(0).meta
    number = wanted or (_SHARDS_OF_A_CLUSTER if cluster else 1)
    asking = ("HMGET", meta, "format", "shards")
    (found,) = await lane.call(0, asking)
    if found == [None, None]:  # only then it is written, for a server that is full lets nobody write
        setting = [("HSETNX", meta, "format", FORMAT), ("HSETNX", meta, "shards", number)]
        *_, found = await lane.call(0, *setting, asking)
    present, shards = (_number(value) for value in found)
    if present != FORMAT or shards is None or not 0 < shards <= MOST_SHARDS:
        raise Trouble("format", f"what {meta} says is not of this TaskShed but of another, perhaps a newer one")
    if wanted not in (None, shards):
        raise Trouble(
            "format",
            f"{lane.namespace.prefix!r} has {shards} shards, not {wanted}; that is fixed when it is first used",
        )
    return shards


def _number(value: Any) -> int | None:
    return int(value) if value is not None and value.isdigit() else None
