"""Whatever is cancelled, at whichever of its awaits: it happened whole or not at all, and nothing is left behind."""

import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from databases import own_tables
from redis_stores import own_prefix

import taskshed
from taskshed._planning import failed
from taskshed._thread import OwnThread
from taskshed.datastores import DataStore, InMemoryDataStore, RedisDataStore, SQLDataStore
from taskshed.datastores.commands import Claim, Lease, Renew, Settle
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)
AWAITS = range(30)


async def cancel_after(turns: int, call: Callable[[], Awaitable[object]]) -> bool:
    """Cancel a call after that many turns of the event loop; returns whether it got to its end all the same."""
    finished = False

    async def run() -> None:
        nonlocal finished
        await call()
        finished = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        for _ in range(turns):
            await checkpoint()
        tasks.cancel_scope.cancel()
    return finished


@pytest.fixture(params=["memory", "sqlite", "postgres", "mysql", "valkey", "valkey_cluster"])
def datastore(request: pytest.FixtureRequest, tmp_path: Path) -> DataStore:
    match request.param:
        case "memory":
            return InMemoryDataStore()
        case "sqlite":
            return SQLDataStore(f"sqlite:///{tmp_path / 'tasks.db'}")
        case "valkey" | "valkey_cluster" as server:
            url = request.getfixturevalue(f"{server}_url")
            return RedisDataStore(own_prefix(url, cluster=server == "valkey_cluster"))
        case server:
            return SQLDataStore(own_tables(request.getfixturevalue(f"{server}_url")))


async def note() -> None: ...


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("taskshed")]


async def test_opening_and_closing_a_datastore(datastore: DataStore) -> None:
    async def open_and_close() -> None:
        async with datastore:
            await checkpoint()

    for turns in AWAITS:
        await cancel_after(turns, open_and_close)
        async with AsyncScheduler(datastore) as scheduler:  # and it can be opened again
            await scheduler.remove_all_tasks()
        assert repr(datastore).endswith("not running>")
        assert our_threads() == []


async def test_opening_and_closing_a_scheduler_with_a_worker(datastore: DataStore) -> None:
    worker = EventDrivenWorker({"note": note}, datastore)

    async def open_and_close() -> None:
        async with AsyncScheduler(datastore, worker) as scheduler:
            await scheduler.add_task("note")

    for turns in AWAITS:
        await cancel_after(turns, open_and_close)
        await worker.shutdown()
        assert repr(worker).endswith("not running>")
        assert repr(datastore).endswith("not running>")
        assert our_threads() == []


async def test_adding_a_task(datastore: DataStore) -> None:
    async with AsyncScheduler(datastore) as scheduler:
        for turns in AWAITS:
            task_ids = [f"{turns}-{n}" for n in range(3)]
            tasks = [taskshed.Task(callback="note", run_at=TOMORROW, task_id=task_id) for task_id in task_ids]
            finished = await cancel_after(turns, lambda tasks=tasks: scheduler.add_tasks(tasks))  # type: ignore[misc]
            await scheduler.pause_tasks(task_ids=[])  # comes after it in the same lane
            stored = len(await scheduler.fetch_tasks(task_ids=task_ids))
            assert stored == 3 if finished else stored in (0, 3)


async def test_claiming(datastore: DataStore) -> None:
    async with AsyncScheduler(datastore) as scheduler:
        for turns in AWAITS:
            await scheduler.add_task("note", task_id="t")
            finished = await cancel_after(turns, lambda: datastore.ask(Claim(limit=1, lease=3_600_000_000)))
            again = await datastore.ask(Claim(limit=1, lease=3_600_000_000))
            assert len(again.records) == (0 if finished else 1)  # given back, unless somebody has it
            if not finished:
                assert again.records[0].attempts == 1
            await scheduler.remove_all_tasks()


async def test_fetching(datastore: DataStore) -> None:
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="t")
        for turns in AWAITS:
            await cancel_after(turns, lambda: scheduler.fetch_tasks(task_ids=["t"]))
            assert len(await scheduler.fetch_tasks(task_ids=["t"])) == 1


async def test_retrying_and_cancelling(datastore: DataStore) -> None:
    async with AsyncScheduler(datastore) as scheduler:
        for turns in AWAITS:
            task_ids = [f"{turns}-{n}" for n in range(3)]
            await scheduler.add_tasks(taskshed.Task(callback="note", task_id=task_id) for task_id in task_ids)
            claimed = await datastore.ask(Claim(limit=3, lease=3_600_000_000))
            leases = tuple(Lease(record.task_id, record.token) for record in claimed.records)
            finished = await cancel_after(turns, lambda ids=task_ids: scheduler.cancel_tasks(task_ids=ids))  # type: ignore[misc]
            cancelled = (await datastore.ask(Renew(leases, 3_600_000_000))).cancelled
            assert len(cancelled) == 3 if finished else len(cancelled) in (0, 3)
            await datastore.ask(Settle(tuple(failed(record, "boom") for record in claimed.records)))
            finished = await cancel_after(turns, lambda: scheduler.retry_tasks(status="failed"))
            left = len(await scheduler.fetch_tasks(status="failed"))
            assert left == 0 if finished else left in (0, 3)
            await scheduler.remove_all_tasks()


async def test_listening_to_events(datastore: DataStore) -> None:
    async with AsyncScheduler(datastore) as scheduler:

        async def listen() -> None:
            async with scheduler.events() as events:
                async for _ in events:
                    pass

        for turns in range(5):
            assert not await cancel_after(turns, listen)
            assert not datastore.events.is_heard


async def test_shutting_down_a_worker_that_runs_something(datastore: DataStore) -> None:
    async with AsyncScheduler(datastore) as scheduler:
        for turns in AWAITS:
            started, release = anyio.Event(), anyio.Event()

            async def work(started: anyio.Event = started, release: anyio.Event = release) -> None:
                started.set()
                await release.wait()

            worker = EventDrivenWorker({"work": work}, datastore)
            await worker.start()
            await scheduler.add_task("work", task_id="t")
            with anyio.fail_after(20):
                await started.wait()
            release.set()
            await cancel_after(turns, worker.shutdown)
            await worker.shutdown()
            assert await scheduler.fetch_tasks(task_ids=["t"]) == []


async def test_a_call_in_a_thread_of_ones_own_ends_before_its_caller_does() -> None:
    thread = OwnThread("taskshed-test")
    begun, ended = 0, 0

    def work() -> None:
        nonlocal begun, ended
        begun += 1
        ended += 1

    for turns in AWAITS:
        await cancel_after(turns, lambda: thread.run(work))
        assert begun == ended
    assert await thread.run(lambda: begun) == begun
    thread.stop()
    assert our_threads() == []
