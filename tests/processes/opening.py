"""Opens a store on a database that may be empty, for the test beside it, at a line on its input.

It says when it is ready for that; it ends when its input does.

Usage: opening.py DATABASE BACKEND
"""

import os
import sys

import anyio
from anyio import to_thread

from taskshed.datastores import SQLDataStore


async def main(database: str) -> None:
    datastore = SQLDataStore(database)  # this imports the driver, which takes longer than all the rest
    os.write(1, f"ready {os.getpid()}\n".encode())
    await to_thread.run_sync(sys.stdin.readline)
    async with datastore:
        os.write(1, f"open {os.getpid()}\n".encode())
        await to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend=sys.argv[2])
