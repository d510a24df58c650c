"""Processes that open a store on a database that may be empty, for the test beside it: all at a line on the input.

Each says when it is ready for that, and when the store is open; they end when the input does. They are forked from
one that has imported everything, which takes longer than all the rest.

Usage: opening.py DATABASE PROCESSES
"""

import os
import sys
from importlib import import_module

import anyio
from anyio import to_thread

from taskshed._open import open_datastore
from taskshed.datastores import DataStore


async def open_store(datastore: DataStore, gate: int) -> None:
    os.write(1, b"ready\n")
    await to_thread.run_sync(os.read, gate, 1)
    async with datastore:
        os.write(1, b"open\n")
        await to_thread.run_sync(os.read, 0, 1)


def main(database: str, count: int) -> int:
    datastore = open_datastore(database)
    import_module("trio")
    gate, bar = os.pipe()  # whoever reads from the gate waits until nobody holds the bar
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            os.close(bar)
            anyio.run(open_store, datastore, gate, backend=("asyncio", "trio")[number % 2])
            return 0
        children.append(child)
    sys.stdin.readline()
    os.close(bar)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
