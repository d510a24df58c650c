"""Adding over what exists: the new task takes the place and nothing of the old one is left."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import Added, ById, Everything, InGroup, Pause
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST,
    add,
    add_failed,
    claim,
    claim_only,
    due_task,
    fetch_only,
    later_task,
    lease_of,
    peek,
    renew,
    settle,
    settlement,
)


class ReplaceConformance:
    async def test_replace_stores_the_new_task(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", kwargs={"version": 1}))
        new = due_task("a", callback="knock", kwargs={"version": 2}, coalesce=False)
        assert await add(datastore, new) == Added()
        assert await datastore.fetch(Everything()) == [new]

    async def test_replace_leaves_other_tasks_alone(self, datastore: DataStore) -> None:
        other = later_task("b", group_id="g")
        await add(datastore, later_task("a", group_id="g"), other)
        await add(datastore, later_task("a"))
        assert await datastore.fetch(InGroup("g")) == [other]

    async def test_replace_moves_the_task_to_another_group(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", group_id="old"))
        new = later_task("a", group_id="new")
        await add(datastore, new)
        assert await datastore.fetch(InGroup("old")) == []
        assert await datastore.fetch(InGroup("new")) == [new]

    async def test_replace_takes_the_task_out_of_its_group(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", group_id="old"))
        await add(datastore, later_task("a"))
        assert await datastore.fetch(InGroup("old")) == []
        assert (await fetch_only(datastore, "a")).group_id is None

    async def test_replace_makes_a_failed_task_as_new(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        new = due_task("a")
        await add(datastore, new)
        assert await fetch_only(datastore, "a") == new
        assert (await claim_only(datastore, "a")).attempts == 1

    async def test_replace_forgets_error_and_attempts(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await settle(datastore, settlement(claimed, "next", attempts=3, error="ring failed"))
        await add(datastore, due_task("a"))
        task = await fetch_only(datastore, "a")
        assert (task.error, task.attempts) == (None, 0)

    async def test_replace_wakes_a_paused_task(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await datastore.ask(Pause(ById(("a",))))
        await add(datastore, due_task("a"))
        assert not (await fetch_only(datastore, "a")).paused
        await claim_only(datastore, "a")

    async def test_replace_by_a_paused_task_makes_it_not_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await add(datastore, due_task("a", paused=True, paused_at=PAST))
        assert (await fetch_only(datastore, "a")).paused_at == PAST
        assert await claim(datastore) == ()

    async def test_replace_changes_when_it_is_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await add(datastore, later_task("a"))
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due == FUTURE_MICROS

    async def test_replace_of_a_running_task_makes_it_due_at_once(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a")
        await add(datastore, due_task("a"))
        assert (await fetch_only(datastore, "a")).status == "scheduled"
        second = await claim_only(datastore, "a")
        assert second.token > first.token
        assert second.attempts == 1

    async def test_replace_makes_a_claim_stale_for_settle(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        new = due_task("a", kwargs={"version": 2})
        await add(datastore, new)
        assert await settle(datastore, settlement(claimed, "done")) == (lease_of(claimed),)
        assert await fetch_only(datastore, "a") == new

    async def test_replace_makes_a_claim_stale_for_renew(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await add(datastore, due_task("a"))
        assert await renew(datastore, (lease_of(claimed),), HOUR) == (lease_of(claimed),)
        await claim_only(datastore, "a")

    async def test_a_claim_made_before_a_replace_stays_stale_after_the_next_claim(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        old = await claim_only(datastore, "a")
        await add(datastore, due_task("a"))
        new = await claim_only(datastore, "a")
        assert await settle(datastore, settlement(old, "done")) == (lease_of(old),)
        assert await settle(datastore, settlement(new, "done")) == ()
