"""Batches of thousands, past any limit on parameters or arguments that a store may have."""

from collections.abc import AsyncIterator

from taskshed._clock import from_micros
from taskshed._planning import Outcome
from taskshed._records import Record
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Added, ById, Changed, Everything, InGroup, Move, Pause, Remove, Resume
from taskshed.models import Task
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST_MICROS,
    add,
    claim,
    due_task,
    ids,
    lease_of,
    peek,
    renew,
    settle,
    settlement,
)

COUNT = 2000
OUTCOMES: tuple[Outcome, ...] = ("done", "next", "failed", "released")
NAMES = tuple(f"task {number:04}" for number in range(COUNT))
ALL = ById(NAMES)
REVERSED = ById(NAMES[::-1])


def _tasks() -> list[Task]:
    """Due one microsecond after the other, all in one group."""
    return [due_task(name, run_at=from_micros(PAST_MICROS + n), group_id="g") for n, name in enumerate(NAMES)]


async def _claimed_in_pieces(datastore: DataStore, limit: int) -> AsyncIterator[tuple[Record, ...]]:
    while records := await claim(datastore, limit=limit):
        yield records


class BigBatchesConformance:
    async def test_thousands_are_added_and_fetched_by_id(self, datastore: DataStore) -> None:
        tasks = _tasks()
        assert await add(datastore, *tasks) == Added()
        assert await datastore.fetch(REVERSED) == tasks[::-1]

    async def test_thousands_are_fetched_by_group_and_in_all(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks()[::-1])
        assert ids(await datastore.fetch(InGroup("g"))) == list(NAMES)
        assert ids(await datastore.fetch(Everything())) == list(NAMES)

    async def test_thousands_that_exist_are_kept(self, datastore: DataStore) -> None:
        tasks = _tasks()
        await add(datastore, *tasks[::2])
        added = await add(datastore, *tasks, replace=False)
        assert sorted(added.kept) == list(NAMES[::2])
        assert len(await datastore.fetch(Everything())) == COUNT

    async def test_thousands_are_replaced(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks())
        await add(datastore, *(due_task(name, kwargs={"new": True}) for name in NAMES))
        assert await datastore.fetch(InGroup("g")) == []
        assert all(task.kwargs for task in await datastore.fetch(ALL))

    async def test_thousands_are_paused_and_resumed(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks())
        assert await datastore.ask(Pause(ById((*NAMES, "x")))) == Changed(missing=("x",))
        assert (await peek(datastore)).next_due is None
        assert await datastore.ask(Resume(REVERSED)) == Changed(earliest=PAST_MICROS)
        assert not any(task.paused for task in await datastore.fetch(ALL))

    async def test_thousands_are_moved(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks())
        times = {name: FUTURE_MICROS - n for n, name in enumerate(NAMES)}
        changed = await datastore.ask(Move({"x": 0} | times))
        assert changed == Changed(missing=("x",), earliest=FUTURE_MICROS - COUNT + 1)
        assert ids(await datastore.fetch(Everything())) == list(NAMES[::-1])

    async def test_thousands_are_removed(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks(), due_task("left"))
        await datastore.ask(Remove(REVERSED))
        assert ids(await datastore.fetch(Everything())) == ["left"]

    async def test_thousands_are_removed_by_group(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks(), due_task("left"))
        await datastore.ask(Remove(InGroup("g")))
        assert ids(await datastore.fetch(Everything())) == ["left"]

    async def test_thousands_are_claimed_in_pieces(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks())
        pieces = [ids(records) async for records in _claimed_in_pieces(datastore, 300)]
        assert [len(piece) for piece in pieces] == [300] * 6 + [200]
        assert [name for piece in pieces for name in piece] == list(NAMES)

    async def test_hundreds_are_renewed_at_once(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks()[:500])
        held = tuple(lease_of(record) for record in await claim(datastore, limit=500))
        assert await renew(datastore, held, 0) == ()
        assert len(await claim(datastore, limit=500, lease=HOUR)) == 500
        stale = await renew(datastore, held, 0)
        assert set(stale) == set(held)

    async def test_hundreds_are_settled_at_once(self, datastore: DataStore) -> None:
        await add(datastore, *_tasks())
        records = await claim(datastore, limit=500)
        settlements = [settlement(record, OUTCOMES[n % 4]) for n, record in enumerate(records)]
        assert await settle(datastore, *settlements) == ()
        assert set(await settle(datastore, *settlements)) == {lease_of(record) for record in records}
        tasks = await datastore.fetch(Everything())
        assert len(tasks) == COUNT - 125
        assert sum(task.status == "failed" for task in tasks) == 125
        assert not any(task.status == "running" for task in tasks)
        assert len(await claim(datastore, limit=COUNT)) == COUNT - 250
