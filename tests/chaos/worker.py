"""A worker process under faults: it writes of each run when it begins and when it ends, until its input ends.

A line of input is `clock` and by how many microseconds that of its machine is ahead, or `files` and how large
they may get.
"""

import logging
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import AsyncExitStack
from datetime import timedelta

import anyio
from anyio import to_thread
from chaos.lines import limit_files, log_to, say
from chaos.stores import a_store, add_store_arguments, seconds

import taskshed
from taskshed._clock import SystemClock, clock_of_process, to_micros
from taskshed.errors import DatastoreError

MOST = 20  # runs at once
LOOK = 0.05  # seconds from one look at the event loop to the next
STANDSTILL = 0.1  # seconds that it may be late to it, for a machine is busy at times

monotonic = SystemClock().monotonic  # which is the same in all processes of a machine


class SteppedClock(SystemClock):
    """The clock of a machine that somebody sets."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def now(self) -> int:
        return super().now() + self.ahead


async def work(lasts: float) -> None:
    """The callback."""
    occurrence = taskshed.current_occurrence()
    run = (occurrence.task_id, to_micros(occurrence.run_at), occurrence.attempt, os.getpid())
    say("begun", *run, monotonic(), time.time_ns() // 1000)
    how = "broken"
    try:
        await anyio.sleep(lasts)
        how = "ended"
    finally:
        say(how, *run, monotonic())


async def watch_event_loop() -> None:
    while True:
        before = monotonic()
        await anyio.sleep(LOOK)
        now = monotonic()
        if now - before > (LOOK + STANDSTILL) * 1_000_000:
            say("stalled", os.getpid(), before, now)


async def listen(clock: SteppedClock) -> None:
    while line := await to_thread.run_sync(sys.stdin.readline):
        word, number = line.split()
        if word == "clock":
            clock.ahead = int(number)
        else:
            limit_files(int(number))


async def open_worker(options: Namespace, stack: AsyncExitStack) -> None:
    """Open it, as soon as the store can be reached; whatever looks after programs would start it again until then."""
    polling = options.polling
    while True:
        try:
            await stack.enter_async_context(
                taskshed.open_worker(
                    a_store(options),
                    {"work": work},
                    polling_interval=polling,
                    max_concurrency=MOST,
                    lease=options.lease,
                    shutdown_timeout=timedelta(seconds=5),
                )
            )
            return
        except DatastoreError as error:
            logging.getLogger("chaos").warning("cannot open: %s", error)
            await anyio.sleep(0.2)


async def main(options: Namespace) -> None:
    clock = SteppedClock(options.ahead)
    with clock_of_process(clock):
        async with AsyncExitStack() as stack:
            await open_worker(options, stack)
            say("ready", os.getpid(), monotonic())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch_event_loop)
                await listen(clock)
                tasks.cancel_scope.cancel()


if __name__ == "__main__":
    parser = ArgumentParser()
    add_store_arguments(parser)
    parser.add_argument("--polling", type=seconds, help="seconds between two looks; without, it is event-driven")
    parser.add_argument("--lease", type=seconds, required=True)
    parser.add_argument("--ahead", type=int, default=0, help="microseconds by which its clock is ahead")
    options = parser.parse_args()
    log_to(options.log)
    anyio.run(main, options, backend=options.backend)
