"""What workers and schedulers write, line by line, and what can be read from it. All times are microseconds."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Ending = Literal["ended", "broken", "open"]


class Occurrence(NamedTuple):
    task_id: str
    run_at: int


class Run(NamedTuple):
    """A run of an occurrence.

    Attributes:
        begun, end: monotonic instants; the end is None as long as nobody has written of it.
        how: `ended` as it should, `broken` off by a cancellation, or still `open`.
        early: by how much it began before its time by the store's clock; below 0 it did not.
    """

    occurrence: Occurrence
    attempt: int
    pid: int
    begun: int
    end: int | None
    how: Ending
    early: int


class Recurring(NamedTuple):
    """A recurring task, no occurrence of which may be passed over."""

    run_at: int
    interval: int
    end_at: int


class Span(NamedTuple):
    """A time in which something was the matter with a worker, or with all if `pid` is None."""

    pid: int | None
    begun: int
    end: int
    what: str = ""


class Journal:
    """All that was written.

    Attributes:
        runs: in the order in which they were written of.
        once: when one-off tasks were due that were acknowledged as added, by id.
        recurring: recurring tasks that were, by id.
        moving: tasks that somebody wanted to move.
        moved: the new times of those for which that was acknowledged.
        paused: tasks that somebody wanted to pause.
        ready: since when workers were at work, by their ids.
        stalls: when the event loop of a worker stood still.
        refused: how many calls of schedulers failed.
        said: other words, in order.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.once: dict[str, int] = {}
        self.recurring: dict[str, Recurring] = {}
        self.moving: set[str] = set()
        self.moved: dict[str, int] = {}
        self.paused: set[str] = set()
        self.ready: dict[int, int] = {}
        self.stalls: list[Span] = []
        self.refused = 0
        self.said: list[str] = []
        self._open: dict[tuple[Occurrence, int, int], int] = {}

    def take_in(self, line: str) -> None:
        match line.split():
            case [("ready" | "begun" | "ended" | "broken" | "stalled"), *_] as words:
                self._of_worker(words)
            case ["refused"]:
                self.refused += 1
            case [word]:
                self.said.append(word)
            case words:
                self._of_task(words)

    def _of_worker(self, words: list[str]) -> None:
        match words:
            case "begun", task_id, run_at, attempt, pid, begun, wall:
                occurrence = Occurrence(task_id, int(run_at))
                self._open[occurrence, int(attempt), int(pid)] = len(self.runs)
                early = int(run_at) - int(wall)
                self.runs.append(Run(occurrence, int(attempt), int(pid), int(begun), None, "open", early))
            case "ready", pid, since:
                self.ready[int(pid)] = int(since)
            case ("ended" | "broken") as how, task_id, run_at, attempt, pid, end:
                index = self._open.pop((Occurrence(task_id, int(run_at)), int(attempt), int(pid)))
                self.runs[index] = self.runs[index]._replace(end=int(end), how=how)
            case "stalled", pid, begun, end:
                self.stalls.append(Span(int(pid), int(begun), int(end), "standstill"))
            case _:
                raise ValueError(f"nobody writes {words}")

    def _of_task(self, words: list[str]) -> None:
        match words:
            case "once", task_id, run_at:
                self.once[task_id] = int(run_at)
            case "recurring", task_id, run_at, interval, end_at:
                self.recurring[task_id] = Recurring(int(run_at), int(interval), int(end_at))
            case "moving", task_id:
                self.moving.add(task_id)
            case "moved", task_id, run_at:
                self.moved[task_id] = int(run_at)
            case "pausing", task_id:
                self.paused.add(task_id)
            case _:
                raise ValueError(f"nobody writes {words}")


def read(lines: Iterable[str]) -> Journal:
    journal = Journal()
    for line in lines:
        journal.take_in(line)
    return journal
