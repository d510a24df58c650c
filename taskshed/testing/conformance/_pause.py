"""Pausing and resuming: a paused task is not due, whatever else happens to it."""

from taskshed._clock import to_micros
from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Changed, Everything, InGroup, Pause, Resume
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
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
    peek,
    settle,
    settlement,
)

A = ById(("a",))


class PauseConformance:
    async def test_a_paused_task_is_not_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        assert await datastore.ask(Pause(A)) == Changed()
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due is None

    async def test_pause_notes_the_store_s_time(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        before = (await peek(datastore)).now
        await datastore.ask(Pause(A))
        after = (await peek(datastore)).now
        task = await fetch_only(datastore, "a")
        assert task.paused
        assert task.paused_at is not None
        assert before <= to_micros(task.paused_at) <= after

    async def test_pausing_twice_keeps_the_first_time(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", paused=True, paused_at=PAST), due_task("b"))
        assert await datastore.ask(Pause(ById(("a", "b")))) == Changed()
        assert (await fetch_only(datastore, "a")).paused_at == PAST
        first = (await fetch_only(datastore, "b")).paused_at
        await datastore.ask(Pause(Everything()))
        assert (await fetch_only(datastore, "b")).paused_at == first

    async def test_pause_changes_nothing_else(self, datastore: DataStore) -> None:
        task = later_task("a", group_id="g", kwargs={"name": "Ada"})
        await add(datastore, task)
        await datastore.ask(Pause(A))
        await datastore.ask(Resume(A))
        assert await fetch_only(datastore, "a") == task

    async def test_pause_reports_missing_ids_and_pauses_the_others(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        assert await datastore.ask(Pause(ById(("x", "a", "y", "x", "b")))) == Changed(missing=("x", "y"))
        assert await claim(datastore) == ()

    async def test_resume_reports_missing_ids_and_resumes_the_others(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", paused=True), due_task("b", paused=True))
        changed = await datastore.ask(Resume(ById(("x", "a", "y", "x", "b"))))
        assert changed == Changed(missing=("x", "y"), earliest=PAST_MICROS)
        assert sorted(ids(await claim(datastore))) == ["a", "b"]

    async def test_pause_and_resume_of_nothing_do_nothing(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b", paused=True))
        for nothing in (ById(()), InGroup("nobody")):
            assert await datastore.ask(Pause(nothing)) == Changed()
            assert await datastore.ask(Resume(nothing)) == Changed()
        assert ids(await claim(datastore)) == ["a"]

    async def test_pause_and_resume_everything(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g"), due_task("b"), later_task("c"))
        await datastore.ask(Pause(Everything()))
        assert (await peek(datastore)).next_due is None
        assert await datastore.ask(Resume(Everything())) == Changed(earliest=PAST_MICROS)
        assert sorted(ids(await claim(datastore))) == ["a", "b"]

    async def test_a_resumed_task_is_due_at_its_run_at(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", paused=True))
        assert await datastore.ask(Resume(A)) == Changed(earliest=FUTURE_MICROS)
        task = await fetch_only(datastore, "a")
        assert (task.paused, task.paused_at) == (False, None)
        assert (await peek(datastore)).next_due == FUTURE_MICROS

    async def test_resume_answers_the_earliest_due_time_of_those_it_resumed(self, datastore: DataStore) -> None:
        await add(
            datastore,
            due_task("not paused"),
            later_task("a", paused=True),
            later_task("b", paused=True, run_at=PAST.replace(year=2190)),
            due_task("stays paused", paused=True),
        )
        changed = await datastore.ask(Resume(ById(("a", "b", "not paused"))))
        assert changed == Changed(earliest=to_micros(PAST.replace(year=2190)))

    async def test_resume_of_what_is_not_paused_makes_nothing_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        assert await datastore.ask(Resume(A)) == Changed()
        assert await claim(datastore) == ()
        assert await settle(datastore, settlement(claimed, "done")) == ()

    async def test_a_failed_task_stays_failed_when_paused_and_resumed(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        await datastore.ask(Pause(A))
        task = await fetch_only(datastore, "a")
        assert (task.status, task.paused) == ("failed", True)
        assert await datastore.ask(Resume(A)) == Changed()
        assert (await fetch_only(datastore, "a")).status == "failed"
        assert await claim(datastore) == ()
