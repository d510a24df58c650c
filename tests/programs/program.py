"""A program in the older style for the tests beside it: start() with no task group at hand, and perhaps no shutdown().

Usage: program.py DATABASE LOOP idle|busy leaves|shuts-down

LOOP: run_forever, asyncio, uvloop or trio. It prints "ready" when it is idle, or when its callback computes.
"""

import asyncio
import sys
import time
from datetime import datetime, timedelta

import anyio
import trio

from taskshed.datastores import InMemoryDataStore, SQLDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

database, loop_kind, callback, ending = sys.argv[1:]


async def idle() -> None:
    print("ready", flush=True)


async def busy() -> None:
    print("ready", flush=True)
    end = time.monotonic() + 0.7
    while time.monotonic() < end:
        pass


datastore = InMemoryDataStore() if database == "memory" else SQLDataStore(database)
worker = EventDrivenWorker(callback_map={"idle": idle, "busy": busy}, datastore=datastore)
scheduler = AsyncScheduler(datastore=datastore, worker=worker)


async def warm_up() -> None:
    # SQLAlchemy 2.0 runs exec() on its thread when it first meets a statement; if that happens while an interrupt ends
    # the program, CPython forgets the interrupt and exits with 1. So one task goes all the way before.
    warm = anyio.Event()

    async def set_warm() -> None:
        warm.set()

    worker.add_callback("set_warm", set_warm)
    await scheduler.add_task(callback="set_warm")
    await warm.wait()


async def main() -> None:
    await scheduler.start()
    await worker.start()
    await warm_up()
    run_at = datetime.now() + timedelta(milliseconds=50)
    await scheduler.add_task(callback=callback, run_at=run_at, task_id=callback)
    await scheduler.add_task(callback="idle", run_at=run_at + timedelta(days=1), task_id="tomorrow")
    if loop_kind == "run_forever":
        return
    try:
        await anyio.sleep_forever()
    finally:
        if ending == "shuts-down":
            await scheduler.shutdown()
            await worker.shutdown()


if loop_kind == "run_forever":
    loop = asyncio.new_event_loop()
    main_task = loop.create_task(main())
    loop.run_forever()
elif loop_kind == "trio":
    trio.run(main)
elif loop_kind == "uvloop":
    anyio.run(main, backend_options={"use_uvloop": True})
else:
    asyncio.run(main())
