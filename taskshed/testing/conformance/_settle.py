"""Settling: each outcome leaves what it should, and who lost the claim changes nothing."""

import pytest

from taskshed._planning import Outcome
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Everything, InGroup
from taskshed.testing.conformance._builders import (
    FUTURE,
    FUTURE_MICROS,
    PAST,
    PAST_MICROS,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    peek,
    settle,
    settlement,
)


class SettleConformance:
    async def test_done_deletes_the_task(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g"))
        claimed = await claim_only(datastore, "a")
        assert await settle(datastore, settlement(claimed, "done")) == ()
        assert await datastore.fetch(Everything()) == []
        assert await datastore.fetch(InGroup("g")) == []
        assert (await peek(datastore)).next_due is None

    async def test_next_moves_the_task_to_its_next_occurrence(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g", kwargs={"name": "Ada"}))
        claimed = await claim_only(datastore, "a")
        assert await settle(datastore, settlement(claimed, "next", run_at=FUTURE_MICROS)) == ()
        assert await fetch_only(datastore, "a") == due_task("a", group_id="g", kwargs={"name": "Ada"}, run_at=FUTURE)
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due == FUTURE_MICROS

    async def test_next_that_is_over_already_is_due_at_once(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await settle(datastore, settlement(claimed, "next", run_at=PAST_MICROS + 1))
        again = await claim_only(datastore, "a")
        assert (again.run_at, again.attempts) == (PAST_MICROS + 1, 1)

    async def test_failed_keeps_the_task_with_its_error(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g"))
        claimed = await claim_only(datastore, "a")
        assert await settle(datastore, settlement(claimed, "failed", attempts=1, error="ring failed")) == ()
        task = await fetch_only(datastore, "a")
        assert (task.status, task.error, task.attempts, task.run_at) == ("failed", "ring failed", 1, PAST)
        assert ids(await datastore.fetch(InGroup("g"))) == ["a"]

    async def test_a_failed_task_is_never_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a", lease=0), "failed", error="ring failed"))
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due is None

    async def test_released_gives_the_occurrence_back(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        assert await settle(datastore, settlement(claimed, "released", attempts=0)) == ()
        assert await fetch_only(datastore, "a") == due_task("a")
        assert (await claim_only(datastore, "a")).attempts == 1

    async def test_attempts_are_as_settled(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next", attempts=7))
        assert (await fetch_only(datastore, "a")).attempts == 7
        assert (await claim_only(datastore, "a")).attempts == 8

    @pytest.mark.parametrize("outcome", ["next", "failed", "released"])
    async def test_the_last_error_is_kept_when_there_is_no_new_one(
        self, datastore: DataStore, outcome: Outcome
    ) -> None:
        await add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next", error="the first"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), outcome, error=None))
        assert (await fetch_only(datastore, "a")).error == "the first"

    @pytest.mark.parametrize("error", ["the second", ""])
    async def test_a_new_error_replaces_the_last(self, datastore: DataStore, error: str) -> None:
        await add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next", error="the first"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next", error=error))
        assert (await fetch_only(datastore, "a")).error == error

    async def test_settling_nothing_does_nothing(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        assert await settle(datastore) == ()
        assert await datastore.fetch(Everything()) == [due_task("a")]
