"""Overlap as two machines see it: each has a datastore of its own, and a worker."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import anyio
import pytest
from anyio.lowlevel import checkpoint

from taskshed import Task
from taskshed._open import open_datastore
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Everything
from taskshed.models import Overlap
from taskshed.testing.conformance._builders import add
from taskshed.testing.conformance._overlap import OverlapConformance
from taskshed.testing.conformance._workers import present
from taskshed.workers import EventDrivenWorker, current_occurrence

pytestmark = pytest.mark.anyio

TASKS = [f"task {number}" for number in range(5)]
BEAT = timedelta(milliseconds=10)
RUNS = 20  # of each task


@pytest.fixture
async def datastore(database: str) -> AsyncIterator[DataStore]:
    async with open_datastore(database) as datastore:
        yield datastore


@pytest.fixture
async def other_datastore(database: str) -> AsyncIterator[DataStore]:
    async with open_datastore(database) as datastore:
        yield datastore


class TestTwoMachines(OverlapConformance):
    @pytest.fixture
    def other_datastore(self, other_datastore: DataStore) -> DataStore:
        return other_datastore


class Runs:
    """A callback that takes longer now and then, and notes who runs what.

    Attributes:
        begun: what has begun, by task: the occurrences in this order.
        inside: how many runs of a task go on.
        most: how many went on at once.
    """

    def __init__(self) -> None:
        self.begun: dict[str, list[datetime]] = {task_id: [] for task_id in TASKS}
        self.inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.all_begun = anyio.Event()

    async def __call__(self) -> None:
        occurrence = current_occurrence()
        task_id = occurrence.task_id
        self.begun[task_id].append(occurrence.run_at)
        if all(len(begun) >= RUNS for begun in self.begun.values()):
            self.all_begun.set()
        self.inside[task_id] += 1
        self.most[task_id] = max(self.most[task_id], self.inside[task_id])
        for _ in range(random.choice([0, 1, 100])):
            await checkpoint()
        self.inside[task_id] -= 1


@pytest.mark.parametrize("coalesce", [True, False], ids=["one run", "each"])
@pytest.mark.parametrize("overlap", ["skip", "queue", "allow"])
async def test_two_machines_run_each_occurrence_once_and_overlap_as_they_should(
    datastore: DataStore, other_datastore: DataStore, overlap: Overlap, coalesce: bool
) -> None:
    runs = Runs()
    start = await present(datastore) + BEAT
    tasks = [
        Task(
            callback="ring",
            task_id=task_id,
            run_at=start,
            interval=BEAT,
            overlap=overlap,
            coalesce=coalesce,
            max_runs=RUNS,
        )
        for task_id in TASKS
    ]
    await add(datastore, *tasks)
    with anyio.fail_after(60):
        async with EventDrivenWorker({"ring": runs}, datastore), EventDrivenWorker({"ring": runs}, other_datastore):
            await runs.all_begun.wait()
    assert await datastore.fetch(Everything()) == []
    for begun in runs.begun.values():
        beats = [(at - start) / BEAT for at in begun]
        assert len(set(beats)) == RUNS
        assert all(beat.is_integer() for beat in beats)
        assert overlap == "allow" or beats == sorted(beats)
    assert overlap == "allow" or set(runs.most.values()) == {1}
