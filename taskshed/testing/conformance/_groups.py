"""Groups: many tasks under one name."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Changed, Everything, InGroup, Move, Pause, Remove, Resume
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    PAST,
    PAST_MICROS,
    add,
    add_failed,
    claim,
    claim_only,
    due_task,
    ids,
    later_task,
    settle,
    settlement,
)

G = InGroup("g")


class GroupsConformance:
    async def test_a_group_holds_its_tasks_and_no_others(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", group_id="g"), later_task("b", group_id="h"), later_task("c"))
        await add(datastore, later_task("d", group_id="g"))
        assert sorted(ids(await datastore.fetch(G))) == ["a", "d"]
        assert ids(await datastore.fetch(InGroup("h"))) == ["b"]

    async def test_an_unknown_group_is_empty(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"), later_task("b", group_id="g"))
        assert await datastore.fetch(InGroup("nobody")) == []
        assert await datastore.fetch(InGroup("None")) == []

    async def test_a_group_is_fetched_by_run_at(self, datastore: DataStore) -> None:
        years = {"a": 2140, "b": 1980, "c": 2060, "d": 9999, "e": 1970}
        tasks = [later_task(name, group_id="g", run_at=PAST.replace(year=year)) for name, year in years.items()]
        await add(datastore, *tasks)
        assert ids(await datastore.fetch(G)) == ["e", "b", "c", "a", "d"]

    async def test_a_group_s_order_follows_moves_and_settlements(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g"), *(later_task(name, group_id="g") for name in "bc"))
        await datastore.ask(Move({"b": FUTURE_MICROS + 2}))
        claimed = await claim_only(datastore, "a")
        await settle(datastore, settlement(claimed, "next", run_at=FUTURE_MICROS + 1))
        assert ids(await datastore.fetch(G)) == ["c", "a", "b"]

    async def test_pause_by_group(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g"), due_task("b", group_id="g"), due_task("c", group_id="h"))
        assert await datastore.ask(Pause(G)) == Changed()
        assert all(task.paused for task in await datastore.fetch(G))
        assert ids(await claim(datastore)) == ["c"]

    async def test_resume_by_group(self, datastore: DataStore) -> None:
        await add(
            datastore,
            later_task("a", group_id="g", paused=True),
            due_task("b", group_id="g", paused=True),
            due_task("c", group_id="h", paused=True, run_at=PAST.replace(year=1990)),
        )
        assert await datastore.ask(Resume(G)) == Changed(earliest=PAST_MICROS)
        assert not any(task.paused for task in await datastore.fetch(G))
        assert ids(await claim(datastore)) == ["b"]

    async def test_pausing_a_group_twice_keeps_the_first_times(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g", paused=True, paused_at=PAST), due_task("b", group_id="g"))
        await datastore.ask(Pause(G))
        times = {task.task_id: task.paused_at for task in await datastore.fetch(G)}
        assert times["a"] == PAST
        await datastore.ask(Pause(G))
        assert {task.task_id: task.paused_at for task in await datastore.fetch(G)} == times

    async def test_a_group_holds_running_failed_and_paused_tasks(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a", group_id="g"))
        await add(datastore, due_task("b", group_id="g"))
        await claim_only(datastore, "b")
        await add(datastore, due_task("c", group_id="g", paused=True))
        assert sorted(ids(await datastore.fetch(G))) == ["a", "b", "c"]

    async def test_a_task_added_to_a_paused_group_is_not_paused(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g"))
        await datastore.ask(Pause(G))
        await add(datastore, due_task("b", group_id="g"))
        assert ids(await claim(datastore)) == ["b"]

    async def test_a_group_that_loses_its_last_task_is_empty(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", group_id="g"))
        await datastore.ask(Remove(ById(("a",))))
        assert await datastore.fetch(G) == []
        assert await datastore.ask(Pause(G)) == Changed()
        assert await datastore.fetch(Everything()) == []
