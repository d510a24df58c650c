"""Failed tasks: found, tried again, removed."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from taskshed.datastores import DataStore
from taskshed.datastores.commands import (
    ById,
    Changed,
    Claim,
    Everything,
    Failed,
    InGroup,
    Pause,
    Remove,
    Retry,
    Selection,
)
from taskshed.testing.conformance._builders import (
    PAST,
    add,
    add_failed,
    claim_only,
    due_task,
    fetch_only,
    heard,
    ids,
    later_task,
    lease_of,
    listening,
    peek,
    settle,
    settlement,
)

FAILED = Failed()
DAY = 24 * 3_600_000_000
CLAIM_ALL = Claim(limit=5000, lease=DAY)


async def _add_some(datastore: DataStore) -> None:
    """Tasks `a` and `b` in group `g` that have failed, and others in it that have not."""
    await add_failed(datastore, due_task("b", group_id="g"), "boom")
    await add_failed(datastore, due_task("a", group_id="g"), "bang")
    await add(datastore, later_task("c", group_id="g"), due_task("d", group_id="g", paused=True))


_each_selection = pytest.mark.parametrize(
    "selection", [FAILED, InGroup("g"), ById(("a", "b", "c", "d"))], ids=["failed", "group", "ids"]
)


class FailedConformance:
    async def test_failed_tasks_are_selected_by_having_failed(self, datastore: DataStore) -> None:
        assert await datastore.fetch(FAILED) == []
        await _add_some(datastore)
        assert sorted(ids(await datastore.fetch(FAILED))) == ["a", "b"]

    async def test_a_failed_task_tells_since_when(self, datastore: DataStore) -> None:
        before = (await peek(datastore)).now
        await add_failed(datastore, due_task("a"))
        after = (await peek(datastore)).now
        failed_at = (await fetch_only(datastore, "a")).failed_at
        assert failed_at is not None
        assert before <= (failed_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) <= after

    async def test_failed_tasks_are_selected_by_how_long_ago_they_failed(self, datastore: DataStore) -> None:
        await _add_some(datastore)
        assert await datastore.fetch(Failed(age=DAY)) == []
        assert await datastore.ask(Remove(Failed(age=DAY))) == Changed()
        assert sorted(ids(await datastore.fetch(FAILED))) == ["a", "b"]
        with anyio.fail_after(10):
            while not await datastore.fetch(Failed(age=1)):
                await anyio.lowlevel.checkpoint()
        await datastore.ask(Remove(Failed(age=1)))
        assert sorted(ids(await datastore.fetch(Everything()))) == ["c", "d"]

    @_each_selection
    async def test_failed_tasks_are_tried_again_as_if_for_the_first_time(
        self, datastore: DataStore, selection: Selection
    ) -> None:
        await _add_some(datastore)
        before = await peek(datastore)
        changed = await datastore.ask(Retry(selection))
        assert changed.earliest is not None
        assert before.now <= changed.earliest
        assert await datastore.fetch(FAILED) == []
        a, b = await datastore.fetch(ById(("a", "b")))
        assert [(task.status, task.attempts, task.error) for task in (a, b)] == [
            ("scheduled", 0, "bang"),
            ("scheduled", 0, "boom"),
        ]
        for task in (a, b):
            assert task.run_at > PAST
        assert (await peek(datastore)).next_due == changed.earliest

    @_each_selection
    async def test_what_has_not_failed_is_not_tried_again(self, datastore: DataStore, selection: Selection) -> None:
        await _add_some(datastore)
        others = await datastore.fetch(ById(("c", "d")))
        await datastore.ask(Retry(selection))
        assert await datastore.fetch(ById(("c", "d"))) == others

    async def test_a_running_task_is_not_tried_again(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        assert await datastore.ask(Retry(ById(("a",)))) == Changed()
        assert await settle(datastore, settlement(claimed, "done")) == ()

    async def test_what_is_tried_again_can_be_claimed_and_fails_again(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        await datastore.ask(Retry(FAILED))
        claimed = await claim_only(datastore, "a")
        assert claimed.attempts == 1
        await settle(datastore, settlement(claimed, "failed", attempts=1, error="bang"))
        assert [task.error for task in await datastore.fetch(FAILED)] == ["bang"]

    async def test_retrying_names_the_ids_that_do_not_exist(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        changed = await datastore.ask(Retry(ById(("x", "a", "y"))))
        assert changed.missing == ("x", "y")
        assert (await fetch_only(datastore, "a")).status == "scheduled"

    async def test_a_paused_task_is_tried_again_when_it_is_resumed(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        await datastore.ask(Pause(ById(("a",))))
        assert (await datastore.ask(Retry(ById(("a",))))).missing == ()
        task = await fetch_only(datastore, "a")
        assert (task.status, task.paused) == ("scheduled", True)
        assert (await peek(datastore)).next_due is None

    async def test_what_is_tried_again_is_told(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("a"))
        with listening(datastore) as mailbox:
            changed = await datastore.ask(Retry(FAILED))
            assert await heard(datastore, mailbox) == [changed.earliest]

    @pytest.mark.parametrize("way", ["removed", "replaced", "tried again"])
    async def test_what_has_failed_no_more_is_selected_no_more(self, datastore: DataStore, way: str) -> None:
        await _add_some(datastore)
        match way:
            case "removed":
                await datastore.ask(Remove(ById(("a",))))
            case "replaced":
                await add(datastore, due_task("a"))
            case "tried again":
                await datastore.ask(Retry(ById(("a",))))
        assert ids(await datastore.fetch(FAILED)) == ["b"]

    async def test_thousands_of_failed_tasks_are_removed(self, datastore: DataStore) -> None:
        names = [f"{number:04}" for number in range(2500)]
        await add(datastore, *(due_task(name) for name in names), later_task("left"))
        claimed = await datastore.ask(CLAIM_ALL)
        await settle(datastore, *(settlement(record, "failed", error="boom") for record in claimed.records))
        assert len(await datastore.fetch(FAILED)) == len(names)
        stale = await settle(datastore, settlement(claimed.records[0], "done"))
        assert stale == (lease_of(claimed.records[0]),)
        await datastore.ask(Remove(FAILED))
        assert ids(await datastore.fetch(Everything())) == ["left"]
