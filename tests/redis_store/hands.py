"""What somebody can do to a store by hand, at its keys, and how it shows afterwards."""

import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from redis import Redis
from redis_store.work import key

ID = "spoilt"
GHOST = "ghost"  # the id of a task that there is not
BODY = b'{"callback":"note"}'
BYTES = b"\xff\xfe"  # are no UTF-8
STATE = {"run_at": 5, "token": 7, "attempts": 1, "leased_until": 5}
UNREADABLE = "the stored state cannot be read"


class Hand:
    """A client at the keys of a store with one shard, in which the task `spoilt` waits in the group `group`."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self.client = client
        self._prefix = prefix

    def key(self, name: str) -> str:
        return key(self._prefix, name)

    def due(self, score: float | None = None, task_id: str | bytes = ID) -> None:
        """Have it due, by itself now."""
        score = time.time() * 1e6 if score is None else score
        self.client.execute_command("ZADD", self.key("due"), score, task_id)  # type: ignore[no-untyped-call]

    def body(self, text: bytes, task_id: str | bytes = ID) -> None:
        self.client.hset(self.key("body"), task_id, text)

    def state(self, packed: bytes) -> None:
        self.client.hset(self.key("state"), ID, packed)
        self.due()


class Damage(NamedTuple):
    """Something done by hand.

    Attributes:
        error: a pattern that the error of the failed task has; None if there is no such task afterwards.
        task_id: what it was done to.
    """

    do: Callable[[Hand], object]
    error: str | None
    task_id: str = ID


def to_body(text: bytes) -> Callable[[Hand], None]:
    def do(hand: Hand) -> None:
        hand.body(text)
        hand.due()

    return do


def to_state(**fields: object) -> Callable[[Hand], None]:
    packed = msgspec.msgpack.encode(STATE | fields)
    return lambda hand: hand.state(packed)


def as_state(packed: bytes) -> Callable[[Hand], None]:
    return lambda hand: hand.state(packed)


def to_due(score: float) -> Callable[[Hand], None]:
    return lambda hand: hand.due(score)


def without_body(hand: Hand) -> None:
    hand.client.hdel(hand.key("body"), ID)
    hand.due()


def without_due(hand: Hand) -> None:
    hand.client.zrem(hand.key("due"), ID)


def with_strange_id(hand: Hand) -> None:
    hand.client.zrem(hand.key("due"), ID)
    hand.client.hdel(hand.key("body"), ID)
    hand.client.sadd(hand.key("group:group"), BYTES)
    hand.body(b"5:group" + BODY, BYTES)
    hand.due(task_id=BYTES)


DAMAGES = {
    "a body that is no JSON": Damage(to_body(b"5:group{no"), "the stored task cannot be read: DecodeError: JSON"),
    "a body that is other JSON": Damage(to_body(b"5:group[1]"), "cannot be read: ValidationError: Expected `object`"),
    "a body without a length": Damage(to_body(BODY), "the stored task cannot be read: ValueError: invalid literal"),
    "a body of the wrong length": Damage(to_body(b"99:group" + BODY), "the stored task cannot be read: DecodeError"),
    "an empty body": Damage(to_body(b""), "the stored task cannot be read: ValueError"),
    "a body of bytes": Damage(to_body(b"5:group" + BYTES), "the stored task cannot be read: UnicodeDecodeError"),
    "a group of bytes": Damage(to_body(b"2:" + BYTES + BODY), "the stored task cannot be read: UnicodeDecodeError"),
    "no body": Damage(without_body, "the stored task cannot be read: DecodeError"),
    "no body, nor ever a task": Damage(lambda hand: hand.due(task_id=GHOST), "cannot be read: DecodeError", GHOST),
    "no due time": Damage(without_due, "the stored task has no due time"),
    "due never": Damage(to_due(float("inf")), "the stored task has no due time"),
    "due in an age": Damage(to_due(1e300), "the stored task has no due time"),
    "due always": Damage(to_due(float("-inf")), "the stored task has no due time"),
    "due an age ago": Damage(to_due(-1e300), "the stored task has no due time"),
    "a state of bytes": Damage(as_state(b"\xc1" + BYTES), UNREADABLE),
    "an empty state": Damage(as_state(b""), UNREADABLE),
    "half a state": Damage(as_state(msgspec.msgpack.encode(STATE)[:-2]), UNREADABLE),
    "a state that is a list": Damage(as_state(msgspec.msgpack.encode([1, 2])), UNREADABLE),
    "a state that is a number": Damage(as_state(msgspec.msgpack.encode(5)), UNREADABLE),
    "a state that is nothing": Damage(as_state(msgspec.msgpack.encode(None)), UNREADABLE),
    "a state that is deep": Damage(as_state(b"\x91" * 10_000 + b"\x01"), UNREADABLE),
    "run_at that is no time": Damage(to_state(run_at="soon"), UNREADABLE),
    "run_at that is a map": Damage(to_state(run_at={}), UNREADABLE),
    "run_at that is nothing": Damage(to_state(run_at=None), UNREADABLE),
    "run_at that is no number": Damage(to_state(run_at=float("nan")), UNREADABLE),
    "run_at that is endless": Damage(to_state(run_at=float("inf")), UNREADABLE),
    "run_at that is endless text": Damage(to_state(run_at="inf"), UNREADABLE),
    "run_at to the base 16": Damage(to_state(run_at="0x10"), UNREADABLE),
    "leased_until that is no time": Damage(to_state(leased_until="soon"), UNREADABLE),
    "leased_until that is no number": Damage(to_state(leased_until=float("nan")), UNREADABLE),
    "a token that is text": Damage(to_state(token="7"), UNREADABLE),
    "a token that is a fraction": Damage(to_state(token=1.5), UNREADABLE),
    "attempts that are a fraction": Damage(to_state(attempts=1.5), UNREADABLE),
    "attempts that are no number": Damage(to_state(attempts=float("nan")), UNREADABLE),
    "a state with a number for a name": Damage(as_state(msgspec.msgpack.encode(STATE | {7: 1})), UNREADABLE),
    "an error that is a number": Damage(to_state(error=5), UNREADABLE),
    "an error of bytes": Damage(
        as_state(msgspec.msgpack.encode(STATE | {"error": "??"}).replace(b"??", BYTES)), "cannot be read"
    ),
    "a progress that is a list": Damage(to_state(progress=["runs", 3]), UNREADABLE),
    "a progress of bytes": Damage(
        as_state(msgspec.msgpack.encode(STATE | {"progress": "??"}).replace(b"??", BYTES)), "cannot be read"
    ),
    "an id of bytes": Damage(with_strange_id, "the stored task cannot be read: UnicodeDecodeError", "\ufffd\ufffd"),
    "a member of a group that is no task": Damage(
        lambda hand: hand.client.sadd(hand.key("group:group"), GHOST), None, GHOST
    ),
    "a member of a group that is bytes": Damage(
        lambda hand: hand.client.sadd(hand.key("group:group"), BYTES), None, "\ufffd\ufffd"
    ),
    "a state without a task": Damage(lambda hand: hand.client.hset(hand.key("state"), GHOST, b"\xc1"), None, GHOST),
}
TOKENS: list[bytes] = [
    b"garbage",
    b"",
    b"inf",
    b"nan",
    b"1e300",
    b"-5",
    b"1.5",
    b"0x7fffffffffffffff",
    b"9007199254740991",
    BYTES,
]
