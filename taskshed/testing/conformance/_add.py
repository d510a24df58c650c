"""Adding tasks, and adding what exists already without replacing it."""

from taskshed._records import freeze
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Add, Added, ById, Everything
from taskshed.testing.conformance._builders import (
    PAST_MICROS,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    later_task,
    peek,
    settle,
    settlement,
)


class AddConformance:
    async def test_add_stores_a_task_as_it_is(self, datastore: DataStore) -> None:
        task = later_task("a", group_id="g", kwargs={"name": "Ada"})
        assert await add(datastore, task) == Added()
        assert await datastore.fetch(ById(("a",))) == [task]

    async def test_add_stores_all_tasks_of_a_batch(self, datastore: DataStore) -> None:
        tasks = [later_task(name) for name in "abc"]
        await add(datastore, *tasks)
        assert await datastore.fetch(ById(("a", "b", "c"))) == tasks

    async def test_add_of_no_task_does_nothing(self, datastore: DataStore) -> None:
        assert await add(datastore) == Added()
        assert await add(datastore, replace=False) == Added()
        assert await datastore.fetch(Everything()) == []

    async def test_an_added_task_is_scheduled_and_was_never_run(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        task = await fetch_only(datastore, "a")
        assert (task.status, task.attempts, task.error, task.paused) == ("scheduled", 0, None, False)

    async def test_an_added_task_that_is_due_can_be_claimed(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        assert (await peek(datastore)).next_due == PAST_MICROS
        assert ids(await claim(datastore)) == ["a"]

    async def test_an_added_paused_task_is_not_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", paused=True))
        assert (await peek(datastore)).next_due is None
        assert await claim(datastore) == ()

    async def test_add_without_replace_keeps_and_reports_what_exists(self, datastore: DataStore) -> None:
        first = later_task("a", group_id="g", kwargs={"version": 1})
        await add(datastore, first)
        added = await add(datastore, later_task("a", group_id="h", kwargs={"version": 2}), replace=False)
        assert added == Added(kept=("a",))
        assert await fetch_only(datastore, "a") == first

    async def test_add_without_replace_adds_the_others(self, datastore: DataStore) -> None:
        await add(datastore, later_task("b"), later_task("d"))
        added = await add(datastore, *(later_task(name, kwargs={"new": True}) for name in "abcd"), replace=False)
        assert set(added.kept) == {"b", "d"}
        tasks = await datastore.fetch(ById(("a", "b", "c", "d")))
        assert [(task.task_id, bool(task.kwargs)) for task in tasks] == [
            ("a", True),
            ("b", False),
            ("c", True),
            ("d", False),
        ]

    async def test_add_without_replace_reports_nothing_when_all_is_new(self, datastore: DataStore) -> None:
        assert await add(datastore, later_task("a"), later_task("b"), replace=False) == Added()

    async def test_add_without_replace_leaves_a_claim_valid(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await add(datastore, due_task("a"), replace=False)
        assert await claim(datastore) == ()
        assert await settle(datastore, settlement(claimed, "done")) == ()

    async def test_of_a_duplicate_in_one_batch_the_first_wins_without_replace(self, datastore: DataStore) -> None:
        first, second = later_task("a", kwargs={"n": 1}, group_id="g"), later_task("a", kwargs={"n": 2}, group_id="h")
        await add(datastore, first, later_task("b"), second, replace=False)
        assert await fetch_only(datastore, "a") == first
        assert len(await datastore.fetch(Everything())) == 2

    async def test_a_duplicate_in_one_batch_is_reported_as_kept(self, datastore: DataStore) -> None:
        assert await add(datastore, later_task("a"), later_task("b"), later_task("a"), replace=False) == Added(("a",))

    async def test_of_a_duplicate_in_one_batch_the_last_wins_with_replace(self, datastore: DataStore) -> None:
        first, second = later_task("a", kwargs={"n": 1}, group_id="g"), later_task("a", kwargs={"n": 2}, group_id="h")
        assert await add(datastore, first, later_task("b"), second) == Added()
        assert await fetch_only(datastore, "a") == second
        assert len(await datastore.fetch(Everything())) == 2

    async def test_the_store_does_not_share_the_records_it_was_given(self, datastore: DataStore) -> None:
        record = freeze(due_task("a"))
        await datastore.ask(Add((record,)))
        record.error = "changed by the caller"
        (claimed,) = await claim(datastore)
        claimed.error = "changed by the claimer"
        assert (await fetch_only(datastore, "a")).error is None
        assert (record.token, record.attempts, record.leased_until) == (0, 0, None)
