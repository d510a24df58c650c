"""Campaigns: one seeded input after another, each of which can be had again from its seed and its number alone.

TASKSHED_FUZZ_INPUTS  how many inputs each target gets (default: 10,000; `nox -s fuzz` has it at 100,000)
TASKSHED_FUZZ_SEED    a seed, for other inputs than those of each day; `nox -s fuzz` takes a new one each time
TASKSHED_FUZZ_ONLY    the number of the only input, to see it fail again
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import FrameType, TracebackType

INPUTS = int(os.environ.get("TASKSHED_FUZZ_INPUTS", "10000"))
SEED = os.environ.get("TASKSHED_FUZZ_SEED", "0")
ONLY = os.environ.get("TASKSHED_FUZZ_ONLY")
TIME = 10.0  # seconds for one input, on a machine that does much else
ROOM = 256 * 2**20  # bytes for one input
LOOK = 1000  # inputs between two looks at the memory


class TookTooLongError(BaseException):
    """No `Exception`, for what is fuzzed may keep those to itself."""


class Campaign:
    """The inputs of one target: iterating gives a source of chance for each. What fails says which it was.

    Args:
        name: of the target; each has other inputs.
        size: inputs that are tried together and count as so many.
        parts: campaigns that share the inputs of a target.
    """

    def __init__(self, name: str, *, size: int = 1, parts: int = 1) -> None:
        self._name = name
        self._numbers = range(INPUTS // size // parts) if ONLY is None else range(int(ONLY), int(ONLY) + 1)
        self._number = 0
        self._handler: object = None

    def __iter__(self) -> Iterator[Random]:
        base = _begin_to_measure()
        for number in self._numbers:
            self._number = number
            if self._handler is not None:
                signal.setitimer(signal.ITIMER_REAL, TIME)
            yield Random(f"{self._name} {SEED} {number}")
            if (number + 1) % LOOK == 0 or len(self._numbers) == 1:
                taken = _peak() - base
                assert taken < ROOM, f"one of the last {LOOK} inputs took {taken:,} bytes"

    def __len__(self) -> int:
        return len(self._numbers)

    def __enter__(self) -> "Campaign":
        if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGALRM, _too_long)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._handler is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._handler)  # type: ignore[arg-type]  # it was there before
        if error is not None:
            error.add_note(
                f"{self._name}: input {self._number} of seed {SEED}; to see it again, set TASKSHED_FUZZ_SEED={SEED} "
                f"and TASKSHED_FUZZ_ONLY={self._number}"
            )


def _too_long(signal_number: int, frame: FrameType | None) -> None:
    raise TookTooLongError(f"one input took more than {TIME} seconds")


def _begin_to_measure() -> int:
    """Forget the peak of this process's memory so far; returns what it has now. Where that is unknown, all is 0."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0
