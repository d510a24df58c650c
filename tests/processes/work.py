"""A worker process for the tests beside it: it says what it runs, until its input ends.

A run ends at once unless --manner says something else:

    hangs-now-and-then  every seventh run does not end
    stops-itself        the last run that there is room for stops the process; when that goes on, all runs end
    holds               runs end when a line comes in
"""

import logging
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from datetime import timedelta

import anyio
from anyio import to_thread

import taskshed
from taskshed.datastores import DataStore, RedisConfig, RedisDataStore, SQLConfig, SQLDataStore

ROOM = 20


class Manner:
    def __init__(self, name: str) -> None:
        self._name = name
        self._runs = 0
        self._told = anyio.Event()

    async def note(self) -> None:
        self._runs += 1
        say(f"runs {taskshed.current_occurrence().task_id} {os.getpid()}")
        match self._name:
            case "hangs-now-and-then" if self._runs % 7 == 0:
                await anyio.sleep_forever()
            case "stops-itself":
                # Now nothing is asked of the database, so that no transaction is left open with locks in it.
                if self._runs == ROOM:
                    os.kill(os.getpid(), signal.SIGSTOP)
                    self._told.set()
                await self._told.wait()
            case "holds":
                await self._told.wait()

    async def listen(self) -> None:
        if await to_thread.run_sync(sys.stdin.readline):
            self._told.set()
            await to_thread.run_sync(sys.stdin.read)


def say(line: str) -> None:
    # One write of a short line is atomic in a pipe, so that processes can share one.
    os.write(1, f"{line}\n".encode())


def seconds(text: str) -> timedelta:
    return timedelta(seconds=float(text))


def a_store(options: Namespace) -> DataStore | str:
    url, poll_interval = options.database, options.poll_interval
    if poll_interval is None:
        return str(url)
    if url.startswith("redis"):
        return RedisDataStore(RedisConfig(url=url, poll_interval=poll_interval))
    return SQLDataStore(SQLConfig(url=url, poll_interval=poll_interval))


async def main(options: Namespace) -> None:
    if options.manner == "stops-itself":
        logging.getLogger("taskshed").setLevel(logging.ERROR)  # for it has to say that it has lost its leases
    manner = Manner(options.manner)
    async with taskshed.open_worker(
        a_store(options),
        {"note": manner.note},
        polling_interval=timedelta(milliseconds=100) if options.polling else None,
        max_concurrency=ROOM,
        lease=options.lease,
    ):
        say("ready")
        await manner.listen()


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--backend", default="asyncio")
    parser.add_argument("--polling", action="store_true")
    parser.add_argument("--manner", default="")
    parser.add_argument("--lease", type=seconds, default=timedelta(seconds=30))
    parser.add_argument("--poll-interval", type=seconds)
    options = parser.parse_args()
    anyio.run(main, options, backend=options.backend)
