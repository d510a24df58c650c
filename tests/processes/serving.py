"""A worker process as a service manager runs it: it ends in good order on SIGTERM.

Its runs go on until they are cancelled. It says what it begins and what was cancelled, each with the monotonic time of
the machine in microseconds.
"""

import os
import time
from argparse import ArgumentParser, Namespace
from datetime import timedelta

import anyio

import taskshed

ROOM = 5


async def endless() -> None:
    task_id = taskshed.current_occurrence().task_id
    say("runs", task_id)
    try:
        await anyio.sleep_forever()
    finally:
        say("cancelled", task_id)


def say(word: str, task_id: str) -> None:
    # One write of a short line is atomic in a pipe, so that processes can share one.
    os.write(1, f"{word} {task_id} {os.getpid()} {time.monotonic_ns() // 1000}\n".encode())


async def main(options: Namespace) -> None:
    callbacks = {"note": endless}
    timeout = timedelta(seconds=options.shutdown_timeout)
    async with taskshed.open_worker(options.database, callbacks, max_concurrency=ROOM, shutdown_timeout=timeout):
        os.write(1, b"ready\n")
        await taskshed.shutdown_requested()
    os.write(1, b"done\n")


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--backend", default="asyncio")
    parser.add_argument("--shutdown-timeout", type=float, default=0.0)
    options = parser.parse_args()
    anyio.run(main, options, backend=options.backend)
