"""Renewing leases, as a heartbeat does."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import Lease
from taskshed.testing.conformance._builders import (
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


class RenewConformance:
    async def test_renew_lets_the_lease_end_later(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a", lease=HOUR)
        before = (await peek(datastore)).now
        assert await renew(datastore, (lease_of(claimed),), 3 * HOUR) == ()
        after = await peek(datastore)
        assert after.next_due is not None
        assert before + 3 * HOUR <= after.next_due <= after.now + 3 * HOUR

    async def test_renew_can_let_the_lease_end_at_once(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a", lease=HOUR)
        assert await renew(datastore, (lease_of(claimed),), 0) == ()
        assert (await claim_only(datastore, "a")).attempts == 2

    async def test_renew_changes_nothing_but_the_lease(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        before = await fetch_only(datastore, "a")
        await renew(datastore, (lease_of(claimed),), 2 * HOUR)
        assert await fetch_only(datastore, "a") == before
        assert await settle(datastore, settlement(claimed, "done")) == ()

    async def test_renew_moves_all_leases_of_a_batch(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name) for name in "abc"))
        claimed = await claim(datastore, lease=HOUR)
        assert await renew(datastore, tuple(map(lease_of, claimed)), 0) == ()
        assert sorted(ids(await claim(datastore))) == ["a", "b", "c"]

    async def test_renew_leaves_other_leases_alone(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        renewed, other = await claim(datastore, lease=HOUR)
        await renew(datastore, (lease_of(renewed),), 3 * HOUR)
        assert (await peek(datastore)).next_due == other.leased_until

    async def test_renew_reports_the_stale_and_renews_the_others(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name) for name in "abc"))
        old = {record.task_id: record for record in await claim(datastore, lease=0)}
        new = {record.task_id: record for record in await claim(datastore, lease=HOUR)}
        gone = Lease("gone", new["a"].token)
        stale = await renew(datastore, (lease_of(old["a"]), lease_of(new["b"]), gone, lease_of(new["c"])), 0)
        assert set(stale) == {lease_of(old["a"]), gone}
        assert sorted(ids(await claim(datastore))) == ["b", "c"]

    async def test_a_stale_renew_does_not_move_the_lease(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        old = await claim_only(datastore, "a", lease=0)
        new = await claim_only(datastore, "a", lease=HOUR)
        assert await renew(datastore, (lease_of(old),), 3 * HOUR) == (lease_of(old),)
        assert (await peek(datastore)).next_due == new.leased_until

    async def test_renewing_nothing_does_nothing(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        assert await renew(datastore, (), 0) == ()
        assert (await peek(datastore)).next_due == claimed.leased_until
