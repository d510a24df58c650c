"""What is measured of a worker that goes on and on, and by how much each figure may grow in the second half."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

SELF = Path("/proc/self")
_MB = 2**20

Figures = dict[str, int]


class Tolerance(NamedTuple):
    """How much greater a figure may be at the end than in the middle: a share of it, and something beside."""

    share: float
    beside: int

    def most(self, middle: int) -> int:
        return round(middle * (1 + self.share)) + self.beside


# Of what can be counted nothing may grow. Memory is what allocators make of it, and stores hold on to some of theirs.
TOLERANCES = {
    "memory": Tolerance(0.05, 8 * _MB),
    "objects": Tolerance(0.01, 500),
    "files": Tolerance(0, 0),
    "threads": Tolerance(0, 0),
    "tasks": Tolerance(0, 20),  # a worker has as many executors as it ever needed at once, up to 100
    "rows": Tolerance(0, 0),
    "connections": Tolerance(0, 0),
    "size": Tolerance(0.25, 2 * _MB),
}


class Sample(NamedTuple):
    """The figures at one moment."""

    name: str
    seconds: float
    figures: Figures


def own_figures() -> Figures:
    """Those of this process; where there is no /proc, only those that Python knows."""
    gc.collect()
    found = gc.get_objects()
    figures = {
        "objects": len(found),
        "tasks": sum(map(_is_task, found)),
        "threads": threading.active_count(),
    }
    del found
    if SELF.exists():
        pages = int((SELF / "statm").read_text().split()[1])
        figures["memory"] = pages * os.sysconf("SC_PAGE_SIZE")
        figures["files"] = len(list((SELF / "fd").iterdir()))
    return figures


def _is_task(thing: object) -> bool:
    """Whether it is a task of asyncio or trio, under way or not: one that has ended and is still there is a leak."""
    kind = type(thing)  # for some things say what they like of their class
    return issubclass(kind, asyncio.Task) or (kind.__name__ == "Task" and kind.__module__.startswith("trio"))


class Samples:
    """The samples of one soak, and what they say."""

    def __init__(self, measure_store: Callable[[], Figures]) -> None:
        self._measure_store = measure_store
        self._began = time.monotonic()
        self.taken: list[Sample] = []

    def take(self, name: str) -> None:
        seconds = time.monotonic() - self._began
        self.taken.append(Sample(name, seconds, self._measure_store() | own_figures()))

    def table(self) -> str:
        """The samples as lines of text; memory and size in KiB."""
        names = [name for name in TOLERANCES if name in self.taken[0].figures]
        header = ["at", "seconds", *names]
        rows = [[sample.name, f"{sample.seconds:.1f}", *_shown(sample.figures, names)] for sample in self.taken]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        return "\n".join("  ".join(map(str.rjust, row, widths)) for row in (header, *rows))

    def growth(self, middle: str, end: str) -> list[str]:
        """What grew more between two samples than it may."""
        by_name = {sample.name: sample.figures for sample in self.taken}
        before, after = by_name[middle], by_name[end]
        return [
            f"{name} grew from {before[name]:,} to {after[name]:,}, more than to {most:,}"
            for name, tolerance in TOLERANCES.items()
            if name in before and after[name] > (most := tolerance.most(before[name]))
        ]


def _shown(figures: Figures, names: Sequence[str]) -> list[str]:
    return [f"{figures[name] // 1024:,}K" if name in ("memory", "size") else f"{figures[name]:,}" for name in names]
