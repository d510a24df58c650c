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

from taskshed._planning import Outcome, Settlement, failed
from taskshed._records import Record
from taskshed.datastores import RedisDataStore
from taskshed.datastores.commands import (
    ById,
    Claim,
    Claimed,
    Command,
    Everything,
    Failed,
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
                    pipeline.hset(self._body, name, hostile_text(chance))
                if chance.random() < 0.6:
                    pipeline.hset(self._state, name, hostile_state(chance))
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

    def waiting(self) -> set[bytes]:
        """The ids of what has a time."""
        found: Any = self._client.zrange(self.due, 0, -1)
        return set(found)

    def clear_away(self) -> set[bytes]:
        """Delete all keys but that of the store itself; returns which there were."""
        base = self.due.removesuffix("due")
        found: Any = self._client.keys(f"{base}*")
        keys = [key for key in found if key != f"{base}meta".encode()]
        if keys:
            self._client.delete(*keys)
        return {key.rpartition(b"}:")[2] for key in keys}


def a_command(chance: Random) -> Command[Any]:
    """What somebody may want of the tasks of a batch."""
    ids = tuple(str(chance.randrange(BATCH + 5)) for _ in range(chance.choice((1, 10, 100))))
    selection = chance.choice((ById(ids), InGroup("group"), InGroup("gr"), InGroup("\N{BELL}"), Everything()))
    match chance.randrange(8):
        case 0:
            return Pause(selection)
        case 1:
            return Resume(selection)
        case 2:
            return Move({task_id: odd_int(chance) % 2**60 for task_id in ids})
        case 3:
            return Note(ids[0], "said by another")
        case 4:
            return Renew(tuple(Lease(task_id, _token(chance)) for task_id in ids), LEASE)
        case 5:
            return Remove(ById(ids))
        case 6:
            return Settle(tuple(_settlement(chance, Record(task_id=i, body="", run_at=5), _token(chance)) for i in ids))
        case _:
            return Claim(limit=chance.choice((0, 1, 50)), lease=LEASE)


def _token(chance: Random) -> int:
    return odd_int(chance) % 2**60


def _settlement(chance: Random, record: Record, token: int) -> Settlement:
    outcome: Outcome = chance.choice(("done", "next", "failed", "released"))
    later = int(time.time() * 1e6) + LEASE
    return Settlement(task_id=record.task_id, token=token, outcome=outcome, run_at=later, attempts=1)


async def claim_all(store: RedisDataStore) -> list[Record]:
    """Claim what is due until there is no more."""
    records: list[Record] = []
    while True:
        claimed: Claimed = await store.ask(Claim(limit=2 * BATCH, lease=LEASE))
        if not claimed.records:
            return records
        records += claimed.records
        assert len(records) <= BATCH, "a task was claimed a second time"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_any_task_is_run_or_set_aside(valkey_url: str) -> None:
    config = own_prefix(valkey_url)
    with Redis.from_url(valkey_url) as client, Campaign("scripts", size=BATCH) as campaign:
        spoiler = Spoiler(Hand(client, config.key_prefix))
        async with RedisDataStore(config) as store:
            for chance in campaign:
                await to_thread.run_sync(spoiler.spoil, chance)
                for _ in range(chance.randint(0, 6)):
                    await store.ask(a_command(chance))
                claimed = await claim_all(store)
                assert await to_thread.run_sync(spoiler.overdue) == 0
                await nobody_waits_in_vain(store, await to_thread.run_sync(spoiler.waiting))
                await settle_all(chance, store, claimed)
                await nothing_is_left(store, spoiler)


async def nobody_waits_in_vain(store: RedisDataStore, waiting: set[bytes]) -> None:
    """See that whatever looks as if it will be run has a time at which it will."""
    for task in await store.fetch(Everything()):
        assert task.status == "failed" or task.paused or task.task_id.encode() in waiting, task


async def settle_all(chance: Random, store: RedisDataStore, claimed: Sequence[Record]) -> None:
    """Settle each claim, as a worker does; whoever has claimed a task can set it aside, whatever is in it."""
    settlements = tuple(
        failed(record, str(record.error)) if record.failed_at is not None else _settlement(chance, record, record.token)
        for record in claimed
    )
    assert await store.ask(Settle(settlements)) == ()
    assert await claim_all(store) == []


async def nothing_is_left(store: RedisDataStore, spoiler: Spoiler) -> None:
    """See that all can be removed."""
    for selection in (Everything(), InGroup("group"), InGroup("gr"), Failed()):
        await store.ask(Remove(selection))
        assert await store.fetch(selection) == []
    # Times without a task that are yet to come stay until then, and with them what else would go with the last.
    assert await to_thread.run_sync(spoiler.clear_away) <= {b"due", b"token", b"state"}
