"""Moving tasks to another time."""

from taskshed._clock import from_micros
from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Changed, Everything, Move, Pause, Resume
from taskshed.testing.conformance._builders import (
    FUTURE,
    FUTURE_MICROS,
    HOUR,
    PAST,
    PAST_MICROS,
    add,
    add_failed,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    later_task,
    lease_of,
    peek,
    renew,
    settle,
    settlement,
)


class MoveConformance:
    async def test_move_makes_a_task_due_at_the_new_time(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"))
        assert await datastore.ask(Move({"a": PAST_MICROS})) == Changed(earliest=PAST_MICROS)
        assert (await fetch_only(datastore, "a")).run_at == PAST
        assert (await claim_only(datastore, "a")).run_at == PAST_MICROS

    async def test_move_away_makes_a_task_not_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        assert await datastore.ask(Move({"a": FUTURE_MICROS})) == Changed(earliest=FUTURE_MICROS)
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due == FUTURE_MICROS

    async def test_move_changes_nothing_but_the_time(self, datastore: DataStore) -> None:
        fields = {"group_id": "g", "kwargs": {"name": "Ada"}, "coalesce": False}
        await add(datastore, later_task("a", **fields), later_task("b"))
        await datastore.ask(Move({"a": PAST_MICROS}))
        assert await datastore.fetch(ById(("a", "b"))) == [due_task("a", **fields), later_task("b")]

    async def test_move_gives_each_task_its_own_time(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name) for name in "abc"))
        times = {name: FUTURE_MICROS + number for number, name in enumerate("cab")}
        assert await datastore.ask(Move(times)) == Changed(earliest=FUTURE_MICROS)
        found = {task.task_id: task.run_at for task in await datastore.fetch(Everything())}
        assert found == {name: from_micros(time) for name, time in times.items()}

    async def test_move_reports_missing_ids_and_moves_the_others(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"), later_task("b"))
        changed = await datastore.ask(
            Move({"x": PAST_MICROS - 2, "b": PAST_MICROS, "y": PAST_MICROS - 1, "a": PAST_MICROS + 1})
        )
        assert changed == Changed(missing=("x", "y"), earliest=PAST_MICROS)
        assert ids(await claim(datastore)) == ["b", "a"]
        assert len(await datastore.fetch(Everything())) == 2

    async def test_move_of_nothing_does_nothing(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"))
        assert await datastore.ask(Move({})) == Changed()
        assert await datastore.ask(Move({"x": PAST_MICROS})) == Changed(missing=("x",))
        assert await datastore.fetch(Everything()) == [later_task("a")]

    async def test_move_of_a_running_task_makes_its_claim_stale(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Move({"a": FUTURE_MICROS}))
        assert await settle(datastore, settlement(claimed, "done")) == (lease_of(claimed),)
        assert await renew(datastore, (lease_of(claimed),), HOUR) == (lease_of(claimed),)
        task = await fetch_only(datastore, "a")
        assert (task.status, task.run_at, task.attempts) == ("scheduled", FUTURE, 0)
        assert (await peek(datastore)).next_due == FUTURE_MICROS

    async def test_a_running_task_that_was_moved_can_be_claimed_anew(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a", lease=HOUR)
        await datastore.ask(Move({"a": PAST_MICROS + 1}))
        second = await claim_only(datastore, "a")
        assert second.token > first.token
        assert (second.run_at, second.attempts) == (PAST_MICROS + 1, 1)

    async def test_a_task_with_an_expired_lease_waits_for_its_new_time(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await claim_only(datastore, "a", lease=0)
        await datastore.ask(Move({"a": FUTURE_MICROS}))
        assert await claim(datastore) == ()

    async def test_move_schedules_a_failed_task_anew(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"), "ring failed")
        assert await datastore.ask(Move({"a": PAST_MICROS})) == Changed(earliest=PAST_MICROS)
        task = await fetch_only(datastore, "a")
        assert (task.status, task.attempts, task.error) == ("scheduled", 0, "ring failed")
        assert (await claim_only(datastore, "a")).attempts == 1

    async def test_a_paused_task_that_was_moved_stays_paused(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", paused=True, paused_at=PAST))
        await datastore.ask(Move({"a": PAST_MICROS}))
        assert await fetch_only(datastore, "a") == due_task("a", paused=True, paused_at=PAST)
        assert await claim(datastore) == ()
        assert await datastore.ask(Resume(ById(("a",)))) == Changed(earliest=PAST_MICROS)
        await claim_only(datastore, "a")

    async def test_move_of_a_paused_task_makes_nothing_due(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", paused=True), due_task("b"))
        assert await datastore.ask(Move({"a": PAST_MICROS})) == Changed()
        assert await datastore.ask(Move({"a": PAST_MICROS, "b": FUTURE_MICROS})) == Changed(earliest=FUTURE_MICROS)

    async def test_a_failed_and_paused_task_that_was_moved_waits_for_resume(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        await datastore.ask(Pause(ById(("a",))))
        assert await datastore.ask(Move({"a": PAST_MICROS})) == Changed()
        task = await fetch_only(datastore, "a")
        assert (task.status, task.paused) == ("scheduled", True)
        assert await claim(datastore) == ()
        assert await datastore.ask(Resume(ById(("a",)))) == Changed(earliest=PAST_MICROS)
        await claim_only(datastore, "a")
