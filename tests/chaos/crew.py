"""The processes under faults, and what was done to them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from chaos.journal import Span
from processes.crews import Member, Pipe

from taskshed._clock import SystemClock

FOLDER = Path(__file__).parent

monotonic = SystemClock().monotonic  # which is the same in all processes of a machine


class Settings(NamedTuple):
    """What processes are told: times in seconds, and the file that they log to."""

    lease: float
    seconds: float
    timeout: float
    seed: str
    log: Path


class Slot(NamedTuple):
    """How one of the workers works."""

    backend: str
    polling: bool


SLOTS = (Slot("asyncio", False), Slot("trio", False), Slot("asyncio", True), Slot("trio", True))
POLLING = "0.1"  # seconds


class Crew:
    """Four workers and a scheduler, which write to one pipe.

    Args:
        urls: where the store is, for each worker and then for the scheduler.

    Attributes:
        deaths: when workers were killed, by their ids.
        stops: when they were stopped.
        cuts: when they, or all, were out of touch with the store.
        lines: what was written.
    """

    def __init__(self, urls: list[str], settings: Settings) -> None:
        self._urls = urls
        self._settings = settings
        self.lines: list[str] = []
        self._pipe = Pipe(self.lines.append)
        self._gone: list[Member] = []
        self._limit = 0
        self.deaths: dict[int, int] = {}
        self.stops: list[Span] = []
        self.cuts: list[Span] = []
        self.workers = [self._worker(number, 0) for number in range(len(SLOTS))]
        backend = random.Random(settings.seed).choice(("asyncio", "trio"))
        times = ("--seconds", settings.seconds, "--seed", settings.seed)
        self.adder = self._member("adding.py", len(SLOTS), backend, *times)

    def kill(self, number: int, ahead: int) -> None:
        """Kill a worker and start another one in its place, whose clock is ahead by so many microseconds."""
        worker = self.workers[number]
        worker.kill()
        self.deaths[worker.pid] = monotonic()
        self._gone.append(worker)
        self.workers[number] = self._worker(number, ahead)
        self.workers[number].tell(f"files {self._limit}")

    @contextmanager
    def stopped(self, number: int) -> Iterator[None]:
        worker, begun = self.workers[number], monotonic()
        worker.stop()
        try:
            yield
        finally:
            self.stops.append(Span(worker.pid, begun, monotonic(), "stop"))
            worker.resume()

    @contextmanager
    def cut_off(self, what: str, number: int | None = None) -> Iterator[None]:
        """Note that a worker, or everybody, is out of touch with the store, and by what."""
        pid, begun = None if number is None else self.workers[number].pid, monotonic()
        try:
            yield
        finally:
            self.cuts.append(Span(pid, begun, monotonic(), what))

    def set_clock(self, number: int, ahead: int) -> None:
        self.workers[number].tell(f"clock {ahead}")

    def limit_files(self, size: int) -> None:
        """Let nobody write to a file beyond that size, as if the disk was full; 0 is no limit."""
        self._limit = size
        for member in (*self.workers, self.adder):
            member.tell(f"files {size}")

    def said(self, word: str) -> int:
        """How many lines begin with a word."""
        return sum(line.split()[0] == word for line in self.lines)

    def failures(self) -> list[str]:
        """Who has ended although nobody wanted that."""
        return [
            f"process {member.pid} ended by itself with {member.exit_code}"
            for member in (*self.workers, self.adder)
            if member.exit_code not in (None, 0)
        ]

    def end(self) -> list[str]:
        """End all; returns what they complain of."""
        complaints = []
        members = [*self.workers, self.adder]
        for member in members:
            member.ask_to_end()
        for member in members:
            try:
                member.end()
            except Exception as error:
                complaints.append(str(error))
        self._pipe.close()
        return complaints

    def clear_away(self) -> None:
        for member in (*self._gone, *self.workers, self.adder):
            member.clear_away()
        self._pipe.close()

    def _worker(self, number: int, ahead: int) -> Member:
        backend, polling = SLOTS[number]
        return self._member(
            "worker.py", number, backend, "--ahead", ahead, *(("--polling", POLLING) if polling else ())
        )

    def _member(self, program: str, number: int, backend: str, *arguments: object) -> Member:
        settings = self._settings
        common = ("--backend", backend, "--timeout", settings.timeout, "--lease", settings.lease, "--log", settings.log)
        words = (self._urls[number], *common, *arguments)
        return Member(str(FOLDER / program), tuple(map(str, words)), self._pipe.sender)


@contextmanager
def a_crew(urls: list[str], settings: Settings) -> Iterator[Crew]:
    """A crew that is gone at the end, however that comes."""
    crew = Crew(urls, settings)
    try:
        yield crew
    finally:
        crew.clear_away()
