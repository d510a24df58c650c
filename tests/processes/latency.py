"""Measures how long a task that is due now takes from one process to its callback in another.

Usage: latency.py DATABASE [--backend asyncio|trio] [--samples 300] [--pause 0.25]

It adds tasks one at a time, each when the one before has run, for an event-driven worker in a process of its own, and
prints the milliseconds from just before `add_task` to the beginning of the callback. Where that worker looks at an
interval, it has just looked then: a random pause of up to that interval makes the figures fair.
"""

import os
import random
import sys
import time
from argparse import ArgumentParser, Namespace
from subprocess import PIPE

import anyio
from anyio import to_thread
from anyio.streams.buffered import BufferedByteReceiveStream

from taskshed import open_scheduler, open_worker


async def note(sent: int) -> None:
    # All processes of a machine have the same monotonic clock.
    os.write(1, f"{time.monotonic_ns() - sent}\n".encode())


async def work(database: str) -> None:
    async with open_worker(database, {"note": note}):
        await to_thread.run_sync(sys.stdin.read)


async def measure(options: Namespace) -> None:
    worker = [sys.executable, "-W", "error", __file__, options.database, "--backend", options.backend, "--work"]
    latencies = []
    async with (
        await anyio.open_process(worker, stdin=PIPE, stdout=PIPE, stderr=None) as process,
        open_scheduler(options.database) as scheduler,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        lines = BufferedByteReceiveStream(process.stdout)
        for _ in range(options.samples + 1):
            await anyio.sleep(random.uniform(0, options.pause))
            await scheduler.add_task("note", kwargs={"sent": time.monotonic_ns()})
            latencies.append(int(await lines.receive_until(b"\n", 100)) / 1e6)
        await process.stdin.aclose()
        await process.wait()
    show(sorted(latencies[1:]))  # the worker was starting when the first was added


def show(latencies: list[float]) -> None:
    p50, p95 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.95))
    sys.stdout.write(f"{len(latencies)} samples: p50 {p50:.1f} ms, p95 {p95:.1f} ms, max {latencies[-1]:.1f} ms\n")


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--backend", default="asyncio")
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds at most, before each")
    parser.add_argument("--work", action="store_true", help="be the worker")
    options = parser.parse_args()
    if options.work:
        anyio.run(work, options.database, backend=options.backend)
    else:
        anyio.run(measure, options)
