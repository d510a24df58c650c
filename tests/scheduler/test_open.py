"""The front door."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

import taskshed
from taskshed.datastores import InMemoryDataStore, SQLDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker, PollingWorker

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def greet() -> None: ...


@pytest.mark.parametrize("url", [None, "memory://", "sqlite://"])
async def test_a_datastore_by_url(url: str | None) -> None:
    async with taskshed.open_scheduler(url) as scheduler:
        task = await scheduler.add_task("greet", TOMORROW)
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == [task]


BAD_URLS = ["", "tasks.db", "mongodb://user:secret@host/db", "memory:/x", "://", "mysql:/ada:secret@host?to=x://"]


@pytest.mark.parametrize("url", BAD_URLS)
async def test_a_url_of_no_datastore_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"use memory://, sqlite:///tasks\.db, .* or redis://…") as caught:
        async with taskshed.open_scheduler(url):
            pass
    assert "secret" not in str(caught.value)


async def test_a_scheduler_in_one_place_and_a_worker_in_another(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    ran = anyio.Event()

    async def note() -> None:
        ran.set()

    # Two datastore objects on one file, as in two processes: the worker finds out by itself.
    async with taskshed.open_worker(url, {"note": note}) as worker, taskshed.open_scheduler(url) as scheduler:
        assert isinstance(worker, EventDrivenWorker)
        await scheduler.add_task("note")
        with anyio.fail_after(20):
            await ran.wait()


async def test_open_worker_polls_if_told_how_often() -> None:
    async with taskshed.open_worker("memory://", {"greet": greet}, polling_interval=timedelta(seconds=1)) as worker:
        assert isinstance(worker, PollingWorker)


async def test_a_worker_of_ones_own() -> None:
    worker = PollingWorker({"greet": greet}, InMemoryDataStore(), max_concurrency=3)
    async with taskshed.open_scheduler(worker=worker) as scheduler:
        assert scheduler.datastore is worker.datastore
        with pytest.raises(taskshed.IncorrectCallbackNameError):
            await scheduler.add_task("unknown")


WORKER = EventDrivenWorker({"greet": greet}, InMemoryDataStore())
BAD_COMBINATIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"worker": WORKER, "callback_map": {"greet": greet}}, ValueError, "not both"),
    ({"worker": WORKER, "lease": timedelta(1)}, ValueError, "not both"),
    ({"worker": WORKER, "datastore": InMemoryDataStore()}, ValueError, "another datastore"),
    ({"lease": timedelta(1)}, TypeError, "needs a callback_map"),
    ({"datastore": 5}, TypeError, "datastore must be a DataStore"),
    ({"callback_map": [greet]}, TypeError, "callback_map must map names"),
    ({"callback_map": {"greet": greet}, "lease": 5}, TypeError, "lease must be a timedelta, not 5"),
    ({"callback_map": {"greet": greet}, "lease": timedelta(0)}, ValueError, "lease must be at least"),
    ({"callback_map": {"greet": greet}, "max_concurrency": 0}, ValueError, "max_concurrency must be"),
    ({"callback_map": {"greet": greet}, "max_concurrency": 2.5}, ValueError, "max_concurrency must be"),
    ({"callback_map": {"greet": greet}, "shutdown_timeout": -timedelta(1)}, ValueError, "shutdown_timeout must be"),
    ({"callback_map": {"greet": greet}, "speed": 11}, TypeError, "speed"),
]


@pytest.mark.parametrize(("arguments", "kind", "message"), BAD_COMBINATIONS)
async def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        async with taskshed.open_scheduler(**arguments):
            pass


async def test_parts_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(TypeError, match="datastore must be a DataStore"):
        AsyncScheduler("sqlite://")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError, match="worker must be"):
        AsyncScheduler(InMemoryDataStore(), {"greet": greet})  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError, match="datastore must be a DataStore"):
        EventDrivenWorker({"greet": greet}, "sqlite://")  # type: ignore[arg-type]  # the point of the test


async def test_an_error_at_the_start_comes_out_bare_and_leaves_nothing_running(tmp_path: Path) -> None:
    datastore = SQLDataStore(f"sqlite:///{tmp_path}")
    worker = EventDrivenWorker({"greet": greet}, datastore)
    with pytest.raises(taskshed.DatastoreUnavailableError):
        async with taskshed.open_scheduler(worker=worker):
            pass
    assert repr(worker) == "<EventDrivenWorker not running>"
    assert repr(datastore) == "<SQLDataStore not running>"
