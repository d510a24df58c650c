"""Cancelling: a claim is marked, and whoever holds it, now or later, is told."""

from typing import Any

import anyio
import pytest

from taskshed._planning import Outcome
from taskshed.datastores import DataStore
from taskshed.datastores.commands import (
    ById,
    Cancel,
    Change,
    Changed,
    Everything,
    InGroup,
    Move,
    Pause,
    Renew,
    Renewed,
    RunsCancelled,
    Selection,
)
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    later_task,
    lease_of,
    listening,
    peek,
    settle,
    settlement,
)

A = ById(("a",))


class CancelConformance:
    @pytest.mark.parametrize(
        "selection", [ById(("a", "b")), InGroup("g"), Everything()], ids=["ids", "group", "everything"]
    )
    async def test_who_renews_the_claim_of_a_cancelled_task_is_told(
        self, datastore: DataStore, selection: Selection
    ) -> None:
        await add(datastore, due_task("a", group_id="g"), due_task("b", group_id="g"))
        held = tuple(lease_of(record) for record in await claim(datastore))
        assert await datastore.ask(Renew(held, HOUR)) == Renewed()
        assert (await datastore.ask(Cancel(selection))).missing == ()
        for _ in range(2):
            answer = await datastore.ask(Renew(held, HOUR))
            assert (set(answer.cancelled), answer.stale) == (set(held), ())

    async def test_only_those_that_were_meant_are_cancelled(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name, group_id=name) for name in "abc"))
        held = {record.task_id: lease_of(record) for record in await claim(datastore)}
        await datastore.ask(Cancel(InGroup("b")))
        assert await datastore.ask(Renew(tuple(held.values()), HOUR)) == Renewed(cancelled=(held["b"],))

    async def test_what_is_cancelled_goes_on_being_its_workers(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        before = await fetch_only(datastore, "a")
        await datastore.ask(Cancel(A))
        assert await fetch_only(datastore, "a") == before
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due == claimed.leased_until
        assert await settle(datastore, settlement(claimed, "failed", error="cancelled")) == ()

    async def test_what_nobody_has_claimed_is_left_as_it_is(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), later_task("b"), later_task("c", paused=True))
        everything = ById(("a", "b", "c"))
        tasks = await datastore.fetch(everything)
        assert (await datastore.ask(Cancel(Everything()))).missing == ()
        assert await datastore.fetch(everything) == tasks
        claimed = await claim_only(datastore, "a")
        assert claimed.cancelled_at is None
        assert await datastore.ask(Renew((lease_of(claimed),), HOUR)) == Renewed()

    async def test_whoever_claims_it_when_the_lease_has_run_out_is_told_too(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await claim_only(datastore, "a", lease=0)
        await datastore.ask(Cancel(A))
        claimed = await claim_only(datastore, "a")
        assert claimed.cancelled_at is not None
        assert await datastore.ask(Renew((lease_of(claimed),), HOUR)) == Renewed(cancelled=(lease_of(claimed),))

    @pytest.mark.parametrize("outcome", ["next", "retry", "released"])
    async def test_it_ends_with_the_claim(self, datastore: DataStore, outcome: Outcome) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Cancel(A))
        await settle(datastore, settlement(claimed, outcome))
        assert (await claim_only(datastore, "a")).cancelled_at is None

    async def test_it_ends_when_the_task_is_moved_or_replaced(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        held = await claim(datastore)
        await datastore.ask(Cancel(ById(("a", "b"))))
        await datastore.ask(Move({"a": held[0].run_at}))
        await add(datastore, due_task("b"))
        assert [record.cancelled_at for record in await claim(datastore)] == [None, None]

    async def test_a_paused_run_can_be_cancelled(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        lease = lease_of(await claim_only(datastore, "a"))
        await datastore.ask(Pause(A))
        await datastore.ask(Cancel(A))
        assert await datastore.ask(Renew((lease,), HOUR)) == Renewed(cancelled=(lease,))

    async def test_cancelling_names_the_ids_that_do_not_exist(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        lease = lease_of(await claim_only(datastore, "a"))
        assert await datastore.ask(Cancel(ById(("x", "a")))) == Changed(missing=("x",))
        assert await datastore.ask(Renew((lease,), HOUR)) == Renewed(cancelled=(lease,))

    async def test_cancelling_is_told_and_makes_nothing_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await claim_only(datastore, "a")
        with listening(datastore) as mailbox:
            await datastore.ask(Cancel(A))
            changes: list[Change] = []
            with anyio.fail_after(10):
                while not changes:
                    changes += await mailbox.receive()
        assert changes == [RunsCancelled()]

    async def test_cancelling_again_does_nothing_more(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a", lease=0)
        await datastore.ask(Cancel(A))
        first = (await claim_only(datastore, "a", lease=0)).cancelled_at
        await datastore.ask(Cancel(A))
        assert (await claim_only(datastore, "a")).cancelled_at == first
        assert await settle(datastore, settlement(claimed, "done")) == (lease_of(claimed),)

    async def test_a_retry_is_due_when_it_says_with_its_attempts(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        values: dict[str, Any] = {"run_at": FUTURE_MICROS, "attempts": 1, "error": "boom"}
        assert await settle(datastore, settlement(claimed, "retry", **values)) == ()
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due == FUTURE_MICROS
        task = await fetch_only(datastore, "a")
        assert (task.status, task.attempts, task.error) == ("scheduled", 1, "boom")
        assert ids([task]) == ["a"]
