"""The script that carries out operations where the tasks are, so that nobody ever sees half of a batch."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from taskshed.datastores._redis._operations import Operation

# Each part uses what stands before it.
_PARTS = ("text", "tasks", "changing", "claiming", "reading", "rehearsing", "main")

_encode = msgspec.msgpack.Encoder().encode


@cache
def source() -> str:
    """The text of the script."""
    folder = files(__package__) / "lua"
    return "\n".join((folder / f"{name}.lua").read_text("utf-8") for name in _PARTS)


@cache
def digest() -> str:
    """What the server calls it."""
    return sha1(source().encode(), usedforsecurity=False).hexdigest()


class Keys(NamedTuple):
    """The names of what a shard keeps; those of its groups begin like them."""

    due: str
    body: str
    state: str
    token: str

    @property
    def meta(self) -> str:
        """In the first shard: what is fixed for all of them."""
        return self.due.removesuffix("due") + "meta"

    @property
    def notices(self) -> str:
        """The channel on which is said that something is due earlier."""
        return self.due.removesuffix("due") + "notices"


def keys_of(prefix: str, shard: int) -> Keys:
    """The keys of a shard. What stands in braces decides where a cluster keeps them."""
    return Keys(*(f"{{{prefix}:{shard}}}:{name}" for name in Keys._fields))


def load() -> tuple[Any, ...]:
    """The command that makes the script known to a server."""
    return ("SCRIPT", "LOAD", source())


def run(
    keys: Keys, operations: Sequence[Operation], origin: str, publish: str, *, only_adds: bool = False
) -> tuple[Any, ...]:
    """The command that carries out operations.

    Args:
        only_adds: whether neither these nor others of the same transaction do anything but add.
    """
    return ("EVALSHA", digest(), len(keys), *keys, _encode((operations, origin, publish, only_adds)))
