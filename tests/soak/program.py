"""A soak: one worker runs a great many tasks, while it is watched for what grows with their number.

    python -m soak.program --tasks 1000000 --store sqlite --backend trio    (in the folder tests)

It prints what was measured, and exits with 1 if something grew, was left over, or did not run exactly once. A store is
on a server of its own, unless --url names one, which has to be empty.
"""

import logging
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from contextlib import nullcontext
from itertools import pairwise

import anyio
from soak.load import Load
from soak.measures import Figures, Samples, own_figures
from soak.places import STORES, a_place, place_of

from taskshed._open import open_datastore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

BATCH = 1000
SAMPLES = {"begin": 0.02, "25 %": 0.25, "50 %": 0.5, "75 %": 0.75, "end": 1.0}
LEFT_OVER = ("files", "threads", "tasks")


class Soak:
    """One soak.

    Attributes:
        complaints: what was not as it should be.
    """

    def __init__(self, tasks: int, url: str) -> None:
        self._tasks = tasks
        self._url = url
        self._load = Load(tasks)
        self._place = place_of(url)
        self._samples = Samples(self._place.figures)
        self.complaints: list[str] = []

    async def run(self) -> None:
        await self._soak(Load(BATCH), [(BATCH, "")])  # so that all is imported, and what is made once is there
        before = own_figures()
        await self._soak(self._load, [(round(self._tasks * part), name) for name, part in SAMPLES.items()])
        self.complaints += self._load.complaints()
        self.complaints += self._samples.growth("50 %", "end")
        self.complaints += _left_over(before, own_figures())

    def report(self) -> str:
        """What was measured."""
        took = self._samples.taken[-1].seconds
        pace = f"{self._load.ended:,} one-offs and {self._load.again:,} other runs in {took:.0f} s"
        return "\n".join([self._samples.table(), pace, *self.complaints])

    async def _soak(self, load: Load, samples: list[tuple[int, str]]) -> None:
        """Have tasks run, and take a sample whenever so many have."""
        datastore = open_datastore(self._url)
        worker = EventDrivenWorker(load.callbacks, datastore)
        async with AsyncScheduler(datastore, worker) as scheduler:
            await scheduler.add_tasks(load.recurring())
            begin = 0
            for end, name in samples:
                await feed(load, scheduler, begin, end)
                await worker.work_off()
                await scheduler.remove_tasks(task_ids=load.failing(max(begin, end - 3 * BATCH), end))
                if name:
                    self._samples.take(name)
                else:
                    self._place.figures()
                begin = end
            await scheduler.remove_all_tasks()


async def feed(load: Load, scheduler: AsyncScheduler, begin: int, end: int) -> None:
    """Have the one-offs from `begin` to before `end` run, and remove most of those that have failed."""
    edges = [*range(begin, end, BATCH), end]
    for number, (start, stop) in enumerate(pairwise(edges)):
        await scheduler.add_tasks(load.batch(start, stop))
        await load.reached(start)
        if number >= 2:
            await scheduler.remove_tasks(task_ids=load.failing(edges[number - 2], edges[number - 1]))
    await load.reached(end)


def _left_over(before: Figures, after: Figures) -> list[str]:
    return [
        f"after the end there are {after[name]} {name}, and before there were {before[name]}"
        for name in LEFT_OVER
        if name in before and after[name] > before[name]
    ]


def parsed() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--store", choices=STORES, default="memory")
    parser.add_argument("--url", help="an empty store, instead of one of our own")
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    logging.getLogger("taskshed").setLevel(logging.CRITICAL)  # tasks fail by the thousand, as they should
    with a_place(options.store) if options.url is None else nullcontext(options.url) as url:
        soak = Soak(options.tasks, url)
        anyio.run(soak.run, backend=options.backend)
    print(f"{url.partition(':')[0]} on {options.backend}, {options.tasks:,} tasks")
    print(soak.report())
    return 1 if soak.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
