"""A datastore that fails for a while: nothing stops, nothing is lost."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import anyio
import pytest
from manual_clock import ManualClock
from turning import Turn

import taskshed
from taskshed.datastores import DataStore
from taskshed.datastores._memory import MemoryStorage
from taskshed.datastores.commands import Add, Command, Selection
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


class FailingStorage(MemoryStorage):
    """Fails while it is told to, before or after it has done what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.forgets_to_answer = False
        self.calls = 0

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        self.calls += 1
        if self.down:
            raise taskshed.DatastoreUnavailableError("out of reach")
        answers = await super().execute(commands)
        if self.forgets_to_answer:
            raise taskshed.DatastoreUnavailableError("the connection broke")
        return answers


class PoisonedStorage(MemoryStorage):
    """Refuses a batch that holds a certain task."""

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        for command in commands:
            if isinstance(command, Add) and any(record.task_id == "poison" for record in command.records):
                raise taskshed.DatastoreError("poison")
        return await super().execute(commands)


class UnreadableStorage(MemoryStorage):
    """Cannot be read."""

    async def fetch(self, selection: Selection) -> Any:
        raise taskshed.DatastoreError("cannot be read")


@pytest.mark.parametrize("how", ["down", "forgets_to_answer"])
async def test_a_worker_outlives_an_outage_and_settles_afterwards(
    clock: ManualClock, turn: Turn, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    release = anyio.Event()
    ran: list[str] = []

    async def work() -> None:
        await release.wait()
        ran.append(taskshed.current_occurrence().task_id)

    storage = FailingStorage()
    datastore = DataStore(storage)
    async with AsyncScheduler(datastore) as scheduler, EventDrivenWorker({"work": work}, datastore):
        await scheduler.add_task("work", task_id="before")
        await scheduler.add_task("work", clock.time + SECOND, task_id="during")
        await turn(timedelta(0))
        setattr(storage, how, True)
        release.set()
        calls = storage.calls
        for _ in range(20):
            await turn(SECOND)
        assert ran[0] == "before"
        assert 10 <= storage.calls - calls <= 60  # it tries again, at its ease
        if how == "down":
            with pytest.raises(taskshed.DatastoreUnavailableError, match="out of reach"):
                await scheduler.add_task("work")
        setattr(storage, how, False)
        for _ in range(16):
            await turn(2 * SECOND)
        assert set(ran) == {"before", "during"}
        assert await scheduler.fetch_tasks(task_ids=["before", "during"]) == []
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1  # said once, not at each try


async def test_a_worker_resumes_within_two_seconds(clock: ManualClock, turn: Turn) -> None:
    ran = []

    async def note() -> None:
        ran.append(clock.time)

    storage = FailingStorage()
    datastore = DataStore(storage)
    async with AsyncScheduler(datastore) as scheduler, EventDrivenWorker({"note": note}, datastore):
        await scheduler.add_task("note", clock.time + SECOND)
        storage.down = True
        for _ in range(60):
            await turn(SECOND)
        storage.down = False
        back = clock.time
        for _ in range(20):
            await turn(SECOND / 10)
        assert len(ran) == 1
        assert ran[0] - back <= 2 * SECOND


async def test_a_worker_that_cannot_settle_at_the_end_gives_up_after_its_timeout(
    clock: ManualClock, turn: Turn
) -> None:
    release = anyio.Event()
    ended = False
    storage = FailingStorage()
    datastore = DataStore(storage)
    worker = EventDrivenWorker({"wait": release.wait}, datastore, shutdown_timeout=5 * SECOND)

    async def end() -> None:
        nonlocal ended
        await worker.shutdown()
        ended = True

    async with AsyncScheduler(datastore) as scheduler:
        await worker.start()
        await scheduler.add_task("wait", task_id="t")
        await turn(timedelta(0))
        storage.down = True
        release.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end)
            for _ in range(4):
                await turn(SECOND)
            assert not ended
            for _ in range(3):
                await turn(SECOND)
            assert ended
        (task,) = await scheduler.fetch_tasks(task_ids=["t"])
        assert task.status == "running"  # in name only: its lease runs out


async def test_of_merged_calls_only_the_guilty_one_fails() -> None:
    failed: list[str] = []

    async with AsyncScheduler(DataStore(PoisonedStorage())) as scheduler:

        async def add(task_id: str) -> None:
            try:
                await scheduler.add_task("note", task_id=task_id, paused=True)
            except taskshed.DatastoreError:
                failed.append(task_id)

        async with anyio.create_task_group() as tasks:
            for n in range(50):
                tasks.start_soon(add, "poison" if n == 25 else str(n))
        assert failed == ["poison"]
        assert len(await scheduler.fetch_tasks(task_ids=[str(n) for n in range(50)])) == 49


async def test_a_read_that_fails_fails_its_caller_alone() -> None:
    async with AsyncScheduler(DataStore(UnreadableStorage())) as scheduler:
        for _ in range(2):
            with pytest.raises(taskshed.DatastoreError, match="cannot be read"):
                await scheduler.fetch_tasks(task_ids=["a"])
        await scheduler.add_task("note", paused=True)
