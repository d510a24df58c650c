"""The front door: the only place where the parts are put together."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Unpack

from taskshed._json import MAX_KWARGS_SIZE
from taskshed.datastores import DataStore, InMemoryDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import Callback, EventDrivenWorker, PollingWorker, Worker, WorkerSettings

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")  # RFC 3986, section 3.1


def open_datastore(url: str) -> DataStore:
    """The datastore that a URL names.

    Args:
        url: `memory://`, `sqlite:///file.db`, `postgresql://…`, `mysql://…`, `mariadb://…`, `redis://…`, `rediss://…`
            or `unix:///path/of/redis.sock`.

    Raises:
        ValueError: there is no such datastore; the URL is not shown, for it may hold a password.
        MissingDriverError: what it needs is not installed.
    """
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme == "memory":
        return InMemoryDataStore()
    if scheme.partition("+")[0] in ("sqlite", "postgresql", "postgres", "mysql", "mariadb"):
        from taskshed.datastores import SQLDataStore  # noqa: PLC0415 - SQLAlchemy is imported when it is used

        return SQLDataStore(url)
    if scheme in ("redis", "rediss", "unix"):
        from taskshed.datastores import RedisDataStore  # noqa: PLC0415 - so is redis-py

        return RedisDataStore(url)
    what = f"no datastore for {scheme}:// URLs" if _SCHEME.fullmatch(scheme) else "that is no datastore URL"
    raise ValueError(f"{what}; use memory://, sqlite:///tasks.db, postgresql://…, mysql://… or redis://…")


@asynccontextmanager
async def open_scheduler(
    datastore: DataStore | str | None = None,
    *,
    callback_map: Mapping[str, Callback] | None = None,
    worker: Worker | None = None,
    max_kwargs_size: int = MAX_KWARGS_SIZE,
    **settings: Unpack[WorkerSettings],
) -> AsyncIterator[AsyncScheduler]:
    """A running scheduler, and with `callback_map` an `EventDrivenWorker` that runs its tasks.

    Args:
        datastore: one that you made, or a URL such as `sqlite:///tasks.db`; None keeps tasks in memory.
        callback_map: coroutine functions by the names that tasks call them; without it tasks are only scheduled.
        worker: one that you made, instead of a callback map.
        max_kwargs_size: how many bytes the arguments of a task may take as JSON.
        settings: of the worker: `max_concurrency`, `lease`, `shutdown_timeout`, `retry`, `timeout`, `unknown_callback`,
            `failed_retention`.

    Raises:
        ValueError, TypeError: the arguments make no sense together.
        DatastoreError: the datastore cannot be used.
    """
    if worker is not None:
        if callback_map is not None or settings:
            raise ValueError("give a worker, or a callback_map and settings for one, not both")
        if datastore is None:
            datastore = worker.datastore
        elif datastore is not worker.datastore:
            raise ValueError("the worker has another datastore; leave datastore out, or give both the same object")
    store = _datastore(datastore)
    if callback_map is not None:
        worker = EventDrivenWorker(callback_map, store, **settings)
    elif settings:
        raise TypeError(f"{', '.join(settings)}: settings are for a worker, which needs a callback_map")
    async with AsyncScheduler(store, worker=worker, max_kwargs_size=max_kwargs_size) as scheduler:
        yield scheduler


@asynccontextmanager
async def open_worker(
    datastore: DataStore | str,
    callback_map: Mapping[str, Callback],
    *,
    polling_interval: timedelta | None = None,
    **settings: Unpack[WorkerSettings],
) -> AsyncIterator[Worker]:
    """A running worker: a `PollingWorker` with `polling_interval`, else an `EventDrivenWorker`.

    Args:
        datastore: one that you made, or a URL.
        callback_map: coroutine functions by the names that tasks call them.
        settings: those of `Worker`.

    Raises:
        ValueError, TypeError: the arguments make no sense.
        DatastoreError: the datastore cannot be used.
    """
    store = _datastore(datastore)
    worker: Worker
    if polling_interval is None:
        worker = EventDrivenWorker(callback_map, store, **settings)
    else:
        worker = PollingWorker(callback_map, store, polling_interval, **settings)
    async with worker:
        yield worker


def _datastore(datastore: DataStore | str | None) -> DataStore:
    if datastore is None:
        return InMemoryDataStore()
    return open_datastore(datastore) if isinstance(datastore, str) else datastore
