"""Transactions in which nothing happens any more: a process was stopped in its middle, or cut off."""

import threading
from datetime import timedelta

import anyio
import pytest
from anyio import to_thread
from anyio.from_thread import start_blocking_portal
from outage.sites import TOMORROW
from outage.sql_sites import SQLSite
from sqlalchemy import Connection

import taskshed
from taskshed._clock import SystemClock, to_micros
from taskshed._records import freeze
from taskshed.datastores._sql._storage import SQLStorage
from taskshed.datastores._trouble import Trouble
from taskshed.datastores.commands import Add, ById, Move

pytestmark = pytest.mark.anyio

ADD = Add((freeze(taskshed.Task(callback="note", task_id="t", run_at=TOMORROW)),))


async def test_others_wait_for_its_locks_only_until_the_server_ends_it(sql_site: SQLSite) -> None:
    locked, moved = threading.Event(), threading.Event()
    stopped = SQLStorage(sql_site.config(timeout=timedelta(seconds=1)))

    def work(connection: Connection) -> None:
        with stopped._database.transaction(connection):
            stopped._database.carry_out(connection, Move({"t": 1}))
            locked.set()
            moved.wait(60)  # and with it the whole event loop, as in a process that is stopped

    async with sql_site.storage() as storage:
        await storage.execute([ADD])
        with start_blocking_portal() as portal:
            portal.call(stopped.open, SystemClock())
            future = portal.start_task_soon(stopped._writer.run, work)
            await to_thread.run_sync(locked.wait, 20)
            with anyio.fail_after(20):
                await storage.execute([Move({"t": to_micros(TOMORROW) + 1})])
            moved.set()
            with pytest.raises((Trouble, TimeoutError)):
                await to_thread.run_sync(future.result)
            portal.call(stopped.close)
        (record,) = await storage.fetch(ById(("t",)))
        assert record.run_at == to_micros(TOMORROW) + 1
