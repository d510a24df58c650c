"""Removing tasks."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Everything, InGroup, Remove
from taskshed.testing.conformance._builders import (
    HOUR,
    add,
    add_failed,
    claim,
    claim_only,
    due_task,
    ids,
    later_task,
    lease_of,
    peek,
    renew,
    settle,
    settlement,
)

A = ById(("a",))


class RemoveConformance:
    async def test_remove_by_id_removes_only_these(self, datastore: DataStore) -> None:
        await add(datastore, *(later_task(name, group_id="g") for name in "abcd"))
        await datastore.ask(Remove(ById(("a", "c", "a"))))
        assert sorted(ids(await datastore.fetch(Everything()))) == ["b", "d"]
        assert sorted(ids(await datastore.fetch(InGroup("g")))) == ["b", "d"]

    async def test_remove_by_group_removes_only_that_group(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", group_id="g"), later_task("b", group_id="g"))
        await add(datastore, later_task("c", group_id="h"), later_task("d"))
        await datastore.ask(Remove(InGroup("g")))
        assert sorted(ids(await datastore.fetch(Everything()))) == ["c", "d"]
        assert await datastore.fetch(InGroup("g")) == []

    async def test_remove_everything_removes_tasks_in_every_state(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("failed"))
        await add(datastore, due_task("running"))
        await claim_only(datastore, "running")
        await add(datastore, due_task("due", group_id="g"), later_task("later"), due_task("paused", paused=True))
        await datastore.ask(Remove(Everything()))
        assert await datastore.fetch(Everything()) == []
        assert await datastore.fetch(InGroup("g")) == []
        assert (await peek(datastore)).next_due is None

    async def test_remove_ignores_unknown_ids(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"), later_task("b"))
        await datastore.ask(Remove(ById(("x", "a", "y"))))
        assert ids(await datastore.fetch(Everything())) == ["b"]

    async def test_remove_of_nothing_does_nothing(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"))
        await datastore.ask(Remove(ById(())))
        await datastore.ask(Remove(InGroup("nobody")))
        assert await datastore.fetch(Everything()) == [later_task("a")]

    async def test_a_removed_task_is_not_claimed(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        await datastore.ask(Remove(A))
        assert ids(await claim(datastore)) == ["b"]

    async def test_a_removed_task_is_no_more_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await datastore.ask(Remove(A))
        assert (await peek(datastore)).next_due is None

    async def test_removing_a_running_task_makes_its_claim_stale(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Remove(A))
        assert await settle(datastore, settlement(claimed, "next")) == (lease_of(claimed),)
        assert await renew(datastore, (lease_of(claimed),), HOUR) == (lease_of(claimed),)
        assert await datastore.fetch(Everything()) == []
        assert (await peek(datastore)).next_due is None

    async def test_a_task_added_after_removal_is_new(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a", group_id="g"))
        await datastore.ask(Remove(A))
        task = due_task("a", group_id="h")
        await add(datastore, task, replace=False)
        assert await datastore.fetch(Everything()) == [task]
        assert await datastore.fetch(InGroup("g")) == []
        assert (await claim_only(datastore, "a")).attempts == 1

    async def test_a_claim_made_before_removal_is_stale_for_the_task_added_after(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        old = await claim_only(datastore, "a")
        await datastore.ask(Remove(A))
        await add(datastore, due_task("a"))
        assert await settle(datastore, settlement(old, "done")) == (lease_of(old),)
        await claim_only(datastore, "a")
        assert await settle(datastore, settlement(old, "done")) == (lease_of(old),)
        assert ids(await datastore.fetch(Everything())) == ["a"]

    async def test_a_group_can_be_used_again_after_its_removal(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", group_id="g"))
        await datastore.ask(Remove(InGroup("g")))
        await add(datastore, later_task("b", group_id="g"))
        assert ids(await datastore.fetch(InGroup("g"))) == ["b"]
