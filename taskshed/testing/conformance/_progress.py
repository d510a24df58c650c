"""Progress: a text that goes with a task from run to run, and that its store does not read."""

import msgspec
import pytest

from taskshed._planning import Outcome
from taskshed._records import Record, freeze
from taskshed.datastores import DataStore
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Claim,
    Everything,
    InGroup,
    Move,
    Pause,
    Resume,
    Selection,
    Settle,
)
from taskshed.models import Task
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST,
    PAST_MICROS,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    later_task,
    lease_of,
    renew,
    settle,
    settlement,
)

OLD, NEW = '{"runs":3}', '{"runs":4,"skipped":2}'
A = ById(("a",))
TEXTS = {
    "nothing": "",
    "empty object": "{}",
    "null": "null",
    "quotes": '{"it\'s": "`\\\\\\""} 100% %s {broken} :name',
    "lines": "a\r\nb\u2028c\t",
    "unicode": "müsli 任务 🐌",
    "long": '{"runs":"' + "snail 🐌 " * 1250 + '"}',
}

_each_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
_each_ending = pytest.mark.parametrize("outcome", ["next", "released", "failed"])


def _with_progress(task: Task, progress: str | None) -> Record:
    return msgspec.structs.replace(freeze(task), progress=progress)


async def _add(datastore: DataStore, task: Task, progress: str | None = OLD, *, replace: bool = True) -> Added:
    return await datastore.ask(Add((_with_progress(task, progress),), replace=replace))


async def _claimed_progress(datastore: DataStore) -> str | None:
    """The progress of the one task that is due."""
    return (await claim_only(datastore, "a", lease=0)).progress


class ProgressConformance:
    async def test_a_task_without_progress_has_none(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        assert await _claimed_progress(datastore) is None

    @_each_text
    async def test_added_progress_comes_back(self, datastore: DataStore, text: str) -> None:
        await _add(datastore, due_task("a"), text)
        assert await _claimed_progress(datastore) == text

    @_each_text
    async def test_settled_progress_comes_back(self, datastore: DataStore, text: str) -> None:
        await _add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next", progress=text))
        assert await _claimed_progress(datastore) == text

    async def test_progress_changes_nothing_else_of_a_task(self, datastore: DataStore) -> None:
        task = due_task("a", group_id="g", kwargs={"name": "Ada"})
        await _add(datastore, task)
        claimed = await claim_only(datastore, "a")
        fresh = _with_progress(task, OLD)
        fields = {"token": claimed.token, "attempts": 1, "leased_until": claimed.leased_until}
        assert claimed == msgspec.structs.replace(fresh, **fields)

    @pytest.mark.parametrize("selection", [A, InGroup("g"), Everything()], ids=["by id", "by group", "all"])
    async def test_fetched_tasks_bring_their_progress(self, datastore: DataStore, selection: Selection) -> None:
        task = later_task("a", group_id="g")
        await _add(datastore, task)
        assert await datastore.fetch(selection) == [msgspec.structs.replace(task, runs=3)]

    @pytest.mark.parametrize("progress", [NEW, None])
    async def test_progress_is_replaced_with_its_task(self, datastore: DataStore, progress: str | None) -> None:
        await _add(datastore, due_task("a"))
        await _add(datastore, due_task("a"), progress)
        assert await _claimed_progress(datastore) == progress

    async def test_progress_is_kept_with_its_task(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        assert await _add(datastore, due_task("a"), NEW, replace=False) == Added(kept=("a",))
        assert await _claimed_progress(datastore) == OLD

    async def test_progress_is_gone_with_its_task(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "done", progress=NEW))
        await add(datastore, due_task("a"))
        assert await _claimed_progress(datastore) is None

    @_each_ending
    @pytest.mark.parametrize("progress", [NEW, None])
    async def test_progress_is_as_settled(self, datastore: DataStore, outcome: Outcome, progress: str | None) -> None:
        await _add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        assert await settle(datastore, settlement(claimed, outcome, progress=progress)) == ()
        await datastore.ask(Move({"a": PAST_MICROS}))  # a failed one is due again
        assert await _claimed_progress(datastore) == progress

    async def test_progress_can_be_cleared_and_the_error_kept(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next", error="boom", progress=NEW))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "next"))
        claimed = await claim_only(datastore, "a")
        assert (claimed.error, claimed.progress) == ("boom", None)

    async def test_a_paused_run_settles_its_progress(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Pause(A))
        await settle(datastore, settlement(claimed, "next", progress=NEW))
        await datastore.ask(Resume(A))
        assert await _claimed_progress(datastore) == NEW

    @_each_ending
    async def test_a_stale_settlement_leaves_progress(self, datastore: DataStore, outcome: Outcome) -> None:
        await _add(datastore, due_task("a"))
        stale = await claim_only(datastore, "a", lease=0)
        await claim_only(datastore, "a", lease=0)
        assert await settle(datastore, settlement(stale, outcome, progress=NEW)) == (lease_of(stale),)
        assert await _claimed_progress(datastore) == OLD

    async def test_pause_and_resume_leave_progress(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        await datastore.ask(Pause(A))
        await datastore.ask(Resume(A))
        assert await _claimed_progress(datastore) == OLD
        await datastore.ask(Pause(A))
        await datastore.ask(Resume(A))
        assert await _claimed_progress(datastore) == OLD

    async def test_a_task_added_as_paused_has_its_progress(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a", paused=True, paused_at=PAST))
        assert (await fetch_only(datastore, "a")).paused_at == PAST
        await datastore.ask(Resume(A))
        assert await _claimed_progress(datastore) == OLD

    async def test_move_leaves_progress(self, datastore: DataStore) -> None:
        await _add(datastore, later_task("a"))
        await datastore.ask(Move({"a": PAST_MICROS}))
        assert await _claimed_progress(datastore) == OLD
        await datastore.ask(Move({"a": FUTURE_MICROS}))  # away from under its claim
        await datastore.ask(Move({"a": PAST_MICROS}))
        assert await _claimed_progress(datastore) == OLD

    async def test_leases_that_run_out_leave_progress(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        assert [await _claimed_progress(datastore) for _ in range(3)] == [OLD, OLD, OLD]

    async def test_renew_leaves_progress(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        assert await renew(datastore, (lease_of(claimed),), 0) == ()
        assert await _claimed_progress(datastore) == OLD

    async def test_progress_survives_a_restart(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        await datastore.shutdown()
        await datastore.start()
        assert await _claimed_progress(datastore) == OLD

    async def test_what_is_added_settled_and_claimed_in_one_batch(self, datastore: DataStore) -> None:
        await _add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        settled = Settle((settlement(claimed, "next", progress=NEW),))
        added = Add((_with_progress(due_task("b"), None), _with_progress(due_task("c"), OLD)))
        *_, found = await datastore.ask_all((settled, added, Claim(limit=9, lease=HOUR)))
        assert {record.task_id: record.progress for record in found.records} == {"a": NEW, "b": None, "c": OLD}

    async def test_hundreds_keep_each_their_own_progress(self, datastore: DataStore) -> None:
        texts = {f"{n}": None if n % 3 == 0 else f'{{"runs":{n}}}' for n in range(600)}
        await datastore.ask(Add(tuple(_with_progress(due_task(name), text) for name, text in texts.items())))
        first = await claim(datastore, limit=600)
        assert {record.task_id: record.progress for record in first} == texts
        turned = dict(zip(texts, reversed(texts.values()), strict=True))
        settlements = [settlement(record, "next", progress=turned[record.task_id]) for record in first]
        assert await settle(datastore, *settlements) == ()
        second = await claim(datastore, limit=600)
        assert len(set(ids(second))) == 600
        assert {record.task_id: record.progress for record in second} == turned
