"""Notes: the text of a failure is kept with a task, and nothing else of it changes."""

import msgspec
import pytest

from taskshed._records import freeze
from taskshed.datastores import DataStore
from taskshed.datastores.commands import (
    Add,
    ById,
    Claim,
    Everything,
    InGroup,
    Note,
    Pause,
    Remove,
    Renew,
    Renewed,
    Resume,
    Settle,
)
from taskshed.testing.conformance._builders import (
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
    heard,
    ids,
    later_task,
    lease_of,
    listening,
    peek,
    renew,
    settle,
    settlement,
)

A = ById(("a",))
ERROR = "ring is gone"
TEXTS = {"odd": 'it\'s 100% \\ {broken}\n"🐌" :name %s', "nothing": "", "long": "x" * 70_000}


async def _note(datastore: DataStore, *notes: Note) -> None:
    assert await datastore.ask_all(notes) == [None] * len(notes)


async def _note_changes_the_error_only(datastore: DataStore, task_id: str) -> None:
    """Note an error of a task, and see what is there and when it is due before and after."""
    before, next_due = await fetch_only(datastore, task_id), (await peek(datastore)).next_due
    await _note(datastore, Note(task_id, ERROR))
    assert await fetch_only(datastore, task_id) == msgspec.structs.replace(before, error=ERROR)
    assert (await peek(datastore)).next_due == next_due


class NoteConformance:
    async def test_note_of_a_task_that_waits(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", group_id="g", kwargs={"name": "Ada"}))
        await _note_changes_the_error_only(datastore, "a")
        assert (await peek(datastore)).next_due == FUTURE_MICROS
        assert ids(await datastore.fetch(InGroup("g"))) == ["a"]

    async def test_note_of_a_task_that_is_due(self, datastore: DataStore) -> None:
        task = due_task("a", group_id="g")
        await datastore.ask(Add((msgspec.structs.replace(freeze(task), progress="{}"),)))
        await _note_changes_the_error_only(datastore, "a")
        claimed = await claim_only(datastore, "a")
        fields = {"token": claimed.token, "attempts": 1, "leased_until": claimed.leased_until}
        assert claimed == msgspec.structs.replace(freeze(task), progress="{}", error=ERROR, **fields)

    async def test_note_of_a_claimed_task_keeps_the_claim(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await _note_changes_the_error_only(datastore, "a")
        assert (await peek(datastore)).next_due == claimed.leased_until
        assert await claim(datastore) == ()
        assert await renew(datastore, (lease_of(claimed),), HOUR) == ()
        assert await settle(datastore, settlement(claimed, "next", attempts=3)) == ()
        task = await fetch_only(datastore, "a")
        assert (task.status, task.attempts, task.error) == ("scheduled", 3, ERROR)

    async def test_note_of_a_task_whose_lease_ran_out(self, datastore: DataStore) -> None:
        await datastore.ask(Add((msgspec.structs.replace(freeze(due_task("a")), progress="{}"),)))
        first = await claim_only(datastore, "a", lease=0)
        await _note_changes_the_error_only(datastore, "a")
        second = await claim_only(datastore, "a")
        fields = {"token": second.token, "attempts": 2, "leased_until": second.leased_until}
        assert second == msgspec.structs.replace(first, error=ERROR, **fields)

    async def test_note_of_a_paused_task(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", paused=True, paused_at=PAST))
        await _note_changes_the_error_only(datastore, "a")
        assert await claim(datastore) == ()
        await datastore.ask(Resume(A))
        assert (await claim_only(datastore, "a")).error == ERROR

    async def test_note_of_a_task_paused_in_its_run(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Pause(A))
        await _note_changes_the_error_only(datastore, "a")
        assert await settle(datastore, settlement(claimed, "done")) == ()

    async def test_note_of_a_failed_task(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        await _note_changes_the_error_only(datastore, "a")
        assert (await peek(datastore)).next_due is None
        assert await claim(datastore) == ()

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
    async def test_the_text_of_a_note_comes_back(self, datastore: DataStore, text: str) -> None:
        await add(datastore, due_task("a"))
        await _note(datastore, Note("a", text))
        assert (await fetch_only(datastore, "a")).error == text
        assert (await claim_only(datastore, "a")).error == text

    async def test_a_note_replaces_an_older_error(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next", error="the first"))
        await _note_changes_the_error_only(datastore, "a")

    async def test_a_settled_error_replaces_a_note(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await _note(datastore, Note("a", ERROR))
        await settle(datastore, settlement(claimed, "next", error="the second"))
        assert (await fetch_only(datastore, "a")).error == "the second"

    async def test_a_note_goes_when_its_task_is_replaced(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"))
        await _note(datastore, Note("a", ERROR))
        await add(datastore, later_task("a"))
        assert await fetch_only(datastore, "a") == later_task("a")

    async def test_a_note_of_nothing_is_ignored(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), later_task("b"))
        await datastore.ask(Remove(A))
        await _note(datastore, Note("a", ERROR), Note("x", ERROR))
        assert await datastore.fetch(Everything()) == [later_task("b")]
        assert (await peek(datastore)).next_due == FUTURE_MICROS

    async def test_a_note_is_not_told(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b", paused=True))
        with listening(datastore) as mailbox:
            await _note(datastore, Note("a", ERROR), Note("b", ERROR), Note("x", ERROR))
            assert await heard(datastore, mailbox) == []

    async def test_notes_go_with_settlements_of_others(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name) for name in "abcd"))
        held = {record.task_id: record for record in await claim(datastore)}
        done, failed = settlement(held["a"], "done"), settlement(held["b"], "failed", error="boom")
        commands = (
            Note("c", ERROR),
            Settle((done, failed)),
            Note("d", "the other"),
            Renew((lease_of(held["c"]),), HOUR),
        )
        assert await datastore.ask_all(commands) == [None, (), None, Renewed()]
        errors = {task.task_id: task.error for task in await datastore.fetch(Everything())}
        assert errors == {"b": "boom", "c": ERROR, "d": "the other"}
        assert await settle(datastore, settlement(held["c"], "done"), settlement(held["d"], "done")) == ()

    async def test_notes_are_taken_in_the_order_of_their_batch(self, datastore: DataStore) -> None:
        commands = (
            Note("a", "too early"),
            Add((freeze(due_task("a")), freeze(due_task("b")))),
            Note("a", "the first"),
            Note("a", "the last"),
            Claim(limit=2, lease=HOUR),
            Note("b", "after the claim"),
        )
        *_, claimed, _ = await datastore.ask_all(commands)
        assert {record.task_id: record.error for record in claimed.records} == {"a": "the last", "b": None}
        assert (await fetch_only(datastore, "b")).error == "after the claim"

    async def test_a_note_and_a_settlement_of_one_task(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        held = {record.task_id: record for record in await claim(datastore)}
        before = (Note("a", "noted"), Settle((settlement(held["a"], "next", error="settled"),)))
        after = (Settle((settlement(held["b"], "next", error="settled"),)), Note("b", "noted"))
        assert await datastore.ask_all((*before, *after)) == [None, (), (), None]
        errors = {task.task_id: task.error for task in await datastore.fetch(Everything())}
        assert errors == {"a": "settled", "b": "noted"}
        assert (await peek(datastore)).next_due == PAST_MICROS

    async def test_hundreds_are_noted_at_once(self, datastore: DataStore) -> None:
        names = [f"{number}" for number in range(450)]
        await add(datastore, *(due_task(name) for name in names))
        await _note(datastore, *(Note(name, f"error of {name}") for name in names[::2]))
        found = {record.task_id: record.error for record in await claim(datastore, limit=450)}
        assert found == {name: None if int(name) % 2 else f"error of {name}" for name in names}
