"""A worker process for the tests beside it: prints the id of each task that it runs, until its input ends.

Usage: work.py DATABASE BACKEND event-driven|polling ends|hangs
"""

import os
import sys
from datetime import timedelta

import anyio

import taskshed


async def note() -> None:
    # One write of a short line is atomic in a pipe, so that processes can share one.
    os.write(1, f"{taskshed.current_occurrence().task_id}\n".encode())
    if sys.argv[4] == "hangs":
        await anyio.sleep_forever()


async def main(database: str, kind: str) -> None:
    polling_interval = timedelta(milliseconds=100) if kind == "polling" else None
    async with taskshed.open_worker(
        database,
        {"note": note},
        polling_interval=polling_interval,
        max_concurrency=20,
        lease=timedelta(seconds=1),
    ):
        await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[3], backend=sys.argv[2])
