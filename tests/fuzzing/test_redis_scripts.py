"""Whatever is at the keys of a store: the script gets through, and no task stays in the way of others."""

import time
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from anyio import to_thread
from fuzzing.campaign import Campaign
from fuzzing.mutating import OCTETS, odd_int
from fuzzing.records import NOW
from fuzzing.states import ODD_TOKENS, SCORES, hostile_state, hostile_text
from redis import Redis
from redis_store.hands import Hand
from redis_stores import own_prefix

from taskshed._planning import Settlement, failed
from taskshed._records import Record
from taskshed.datastores import RedisDataStore
from taskshed.datastores.commands import (
    ById,
    Claim,
    Claimed,
    Command,
    Everything,
    InGroup,
    Lease,
    Move,
    Note,
    Pause,
    Remove,
    Renew,
    Resume,
    Settle,
)

pytestmark = pytest.mark.anyio

BATCH = 500
LEASE = 3_600_000_000
STATUSES = {"scheduled", "running", "failed"}


class Spoiler:
    """Fills the keys of a store with one batch of tasks and of what is none."""

    def __init__(self, hand: Hand) -> None:
        self._client = hand.client
        self.due, self._body, self._state, self._token = (hand.key(n) for n in ("due", "body", "state", "token"))
        self._groups = hand.key("group:")

    def spoil(self, chance: Random) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            for number in range(BATCH):
                name = b"%d" % number
                if chance.random() < 0.05:
                    name += chance.choice((*OCTETS, b"\0", b"\xc3\xa9"))
                if chance.random() < 0.97:
                    pipeline.hset(self._body, name, hostile_text(chance))  # type: ignore[arg-type]  # bytes will do
                if chance.random() < 0.6:
                    pipeline.hset(self._state, name, hostile_state(chance))  # type: ignore[arg-type]  # here too
                if chance.random() < 0.9:
                    score = chance.choice(SCORES) if chance.random() < 0.3 else b"%d" % chance.choice((NOW, 5, 6, 7))
                    pipeline.execute_command("ZADD", self.due, score, name)  # type: ignore[no-untyped-call]
                if chance.random() < 0.5:
                    pipeline.sadd(self._groups + chance.choice(("group", "gr")), name)
            if chance.random() < 0.5:
                pipeline.set(self._token, chance.choice(ODD_TOKENS))
            pipeline.execute()

    def overdue(self) -> int:
        """How many are due, or claimed, by now."""
        return self._client.zcount(self.due, "-inf", time.time() * 1e6)

    def keys(self) -> list[bytes]:
        return list(self._client.keys(self.due.removesuffix("due") + "*"))
