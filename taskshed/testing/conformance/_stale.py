"""Settlements that come too late: they change nothing, and are reported."""

import pytest

from taskshed._planning import Outcome
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Everything, Lease
from taskshed.testing.conformance._builders import (
    FUTURE,
    FUTURE_MICROS,
    HOUR,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    lease_of,
    peek,
    renew,
    settle,
    settlement,
)

_each_outcome = pytest.mark.parametrize("outcome", ["done", "next", "failed", "released"])


class StaleConformance:
    @_each_outcome
    async def test_a_claim_is_spent_by_its_settlement(self, datastore: DataStore, outcome: Outcome) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await settle(datastore, settlement(claimed, outcome))
        tasks = await datastore.fetch(Everything())
        assert await settle(datastore, settlement(claimed, "next", run_at=FUTURE_MICROS)) == (lease_of(claimed),)
        assert await renew(datastore, (lease_of(claimed),), HOUR) == (lease_of(claimed),)
        assert await datastore.fetch(Everything()) == tasks

    @_each_outcome
    async def test_a_stale_settlement_changes_nothing_and_is_reported(
        self, datastore: DataStore, outcome: Outcome
    ) -> None:
        await add(datastore, due_task("a"))
        old = await claim_only(datastore, "a", lease=0)
        new = await claim_only(datastore, "a")
        before = await fetch_only(datastore, "a")
        stale = await settle(datastore, settlement(old, outcome, run_at=FUTURE_MICROS, attempts=9, error="late"))
        assert stale == (lease_of(old),)
        assert await fetch_only(datastore, "a") == before
        assert (await peek(datastore)).next_due == new.leased_until
        assert await settle(datastore, settlement(new, "done")) == ()

    @_each_outcome
    async def test_a_settlement_of_a_removed_task_is_reported(self, datastore: DataStore, outcome: Outcome) -> None:
        await add(datastore, due_task("a"))
        lost = settlement(await claim_only(datastore, "a"), outcome, task_id="gone")
        assert await settle(datastore, lost) == (Lease("gone", lost.token),)
        assert ids(await datastore.fetch(Everything())) == ["a"]

    async def test_settlements_of_a_batch_are_judged_one_by_one(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name) for name in "abcdef"))
        old = {record.task_id: record for record in await claim(datastore, lease=0)}
        new = {record.task_id: record for record in await claim(datastore)}
        stale = await settle(
            datastore,
            settlement(new["a"], "done"),
            settlement(old["b"], "done"),
            settlement(new["c"], "next", run_at=FUTURE_MICROS),
            settlement(new["d"], "failed", attempts=2, error="ring failed"),
            settlement(old["e"], "failed", error="late"),
            settlement(new["f"], "released", attempts=1),
        )
        assert set(stale) == {lease_of(old["b"]), lease_of(old["e"])}
        found = {task.task_id: (task.status, task.attempts, task.error) for task in await datastore.fetch(Everything())}
        assert found == {
            "b": ("running", 2, None),
            "c": ("scheduled", 0, None),
            "d": ("failed", 2, "ring failed"),
            "e": ("running", 2, None),
            "f": ("scheduled", 1, None),
        }

    async def test_of_two_settlements_of_one_claim_in_a_batch_the_first_counts(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        first, second = settlement(claimed, "next", run_at=FUTURE_MICROS), settlement(claimed, "done")
        assert await settle(datastore, first, second) == (lease_of(claimed),)
        assert (await fetch_only(datastore, "a")).run_at == FUTURE
