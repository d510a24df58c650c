"""Fetching tasks by id, and all of them."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Everything, Remove
from taskshed.testing.conformance._builders import (
    add,
    add_failed,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    later_task,
    settle,
    settlement,
)


class FetchConformance:
    async def test_fetch_by_id_answers_in_the_order_asked_for(self, datastore: DataStore) -> None:
        await add(datastore, *(later_task(name) for name in "abcd"))
        assert ids(await datastore.fetch(ById(("c", "a", "d", "b")))) == ["c", "a", "d", "b"]

    async def test_fetch_by_id_answers_each_task_once(self, datastore: DataStore) -> None:
        await add(datastore, *(later_task(name) for name in "ab"))
        assert ids(await datastore.fetch(ById(("b", "a", "b", "a", "b")))) == ["b", "a"]

    async def test_fetch_by_id_leaves_out_unknown_ids(self, datastore: DataStore) -> None:
        await add(datastore, *(later_task(name) for name in "ab"))
        assert ids(await datastore.fetch(ById(("x", "b", "y", "a", "z")))) == ["b", "a"]

    async def test_fetch_of_no_id_finds_nothing(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"))
        assert await datastore.fetch(ById(())) == []

    async def test_fetch_everything_of_an_empty_store_finds_nothing(self, datastore: DataStore) -> None:
        assert await datastore.fetch(Everything()) == []

    async def test_fetch_everything_finds_tasks_in_every_state(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("failed"))
        await add(datastore, due_task("running"))
        await claim_only(datastore, "running")
        await add(datastore, due_task("due"), later_task("later"), due_task("paused", paused=True))
        found = {task.task_id: (task.status, task.paused) for task in await datastore.fetch(Everything())}
        assert found == {
            "failed": ("failed", False),
            "running": ("running", False),
            "due": ("scheduled", False),
            "later": ("scheduled", False),
            "paused": ("scheduled", True),
        }

    async def test_fetch_sees_what_was_written_before(self, datastore: DataStore) -> None:
        for number in range(10):
            await add(datastore, later_task("a", kwargs={"number": number}))
            assert (await fetch_only(datastore, "a")).kwargs == {"number": number}
        await datastore.ask(Remove(ById(("a",))))
        assert await datastore.fetch(ById(("a",))) == []

    async def test_fetch_changes_nothing(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        assert await datastore.fetch(Everything()) == await datastore.fetch(Everything())
        assert await claim(datastore) == ()
        assert await settle(datastore, settlement(claimed, "done")) == ()
