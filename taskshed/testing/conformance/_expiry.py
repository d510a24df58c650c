"""Leases that ran out: the occurrence goes to another worker, and who held it has lost it."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import Claim
from taskshed.testing.conformance._builders import (
    HOUR,
    PAST,
    PAST_MICROS,
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


class ExpiryConformance:
    async def test_an_occurrence_whose_lease_ran_out_is_claimed_again(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a", lease=0)
        second = await claim_only(datastore, "a")
        assert second.token > first.token
        assert (second.run_at, second.body) == (first.run_at, first.body)
        assert await claim(datastore) == ()

    async def test_each_claim_counts_as_an_attempt(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        assert [(await claim_only(datastore, "a", lease=0)).attempts for _ in range(4)] == [1, 2, 3, 4]
        task = await fetch_only(datastore, "a")
        assert (task.status, task.attempts, task.run_at, task.error) == ("running", 4, PAST, None)

    async def test_an_expired_lease_is_due_when_it_ended(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await datastore.ask(Claim(limit=1, lease=0))
        assert claimed.next_due == claimed.now
        assert (await peek(datastore)).next_due == claimed.now

    async def test_one_claim_does_not_take_an_occurrence_twice(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        assert sorted(ids(await claim(datastore, limit=10, lease=0))) == ["a", "b"]

    async def test_only_leases_that_ran_out_are_claimed_again(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        (held,) = await claim(datastore, limit=1, lease=HOUR)
        (lost,) = await claim(datastore, limit=1, lease=0)
        assert ids(await claim(datastore)) == [lost.task_id]
        assert await settle(datastore, settlement(held, "done")) == ()

    async def test_who_lost_a_claim_cannot_settle_it(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        lost = await claim_only(datastore, "a", lease=0)
        held = await claim_only(datastore, "a")
        assert await settle(datastore, settlement(lost, "done")) == (lease_of(lost),)
        assert await settle(datastore, settlement(held, "done")) == ()

    async def test_who_lost_a_claim_cannot_renew_it(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        lost = await claim_only(datastore, "a", lease=0)
        held = await claim_only(datastore, "a")
        assert await renew(datastore, (lease_of(lost), lease_of(held)), HOUR) == (lease_of(lost),)

    async def test_a_late_settlement_counts_while_nobody_else_has_claimed(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        late = await claim_only(datastore, "a", lease=0)
        assert await settle(datastore, settlement(late, "done")) == ()
        assert await claim(datastore) == ()

    async def test_a_late_renewal_counts_while_nobody_else_has_claimed(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        late = await claim_only(datastore, "a", lease=0)
        assert await renew(datastore, (lease_of(late),), HOUR) == ()
        assert await claim(datastore) == ()

    async def test_a_late_settlement_to_the_next_occurrence_starts_afresh(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await claim_only(datastore, "a", lease=0)
        late = await claim_only(datastore, "a", lease=0)
        await settle(datastore, settlement(late, "next", run_at=PAST_MICROS + 1))
        following = await claim_only(datastore, "a")
        assert (following.attempts, following.run_at) == (1, PAST_MICROS + 1)
