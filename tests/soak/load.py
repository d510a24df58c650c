"""The tasks of a soak and the callbacks that count their runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import anyio

import taskshed
from taskshed.models import Task
from taskshed.workers import Callback

RECURRING = 20
_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


class Load:
    """So many one-offs, numbered from 0, which are added in batches, and recurring tasks beside them.

    Attributes:
        ended: how many runs of one-offs have ended.
        again: how many runs of recurring tasks there were.
    """

    def __init__(self, number: int) -> None:
        self.callbacks: dict[str, Callback] = {
            "plain": self._plain,
            "typed": self._typed,
            "failing": self._failing,
            "again": self._again,
            "again_failing": self._again_failing,
        }
        self._runs = bytearray(number)  # of each, so that to keep them takes no more memory later
        self.ended = 0
        self.again = 0
        self._awaited = 0
        self._reached = anyio.Event()

    def recurring(self) -> Iterator[Task]:
        """Tasks that go on as long as the soak does."""
        for number in range(RECURRING):
            callback = "again_failing" if number % 5 == 0 else "again"
            yield Task(callback=callback, task_id=f"again {number}", interval=(number + 1) * 50 * _MILLISECOND)

    def batch(self, start: int, end: int) -> list[Task]:
        """The one-offs from `start` to before `end`, and one that is short of recurring: it has two runs."""
        short = Task(callback="again", task_id=f"twice {start}", interval=_MILLISECOND, max_runs=2)
        return [*map(_one_off, range(start, end)), short]

    def failing(self, start: int, end: int) -> list[str]:
        """The ids of those that will have failed, and are kept."""
        return [str(number) for number in range(start, end) if _one_off(number).callback == "failing"]

    async def reached(self, ended: int) -> None:
        """Wait until so many have ended."""
        while self.ended < ended:
            self._awaited, self._reached = ended, anyio.Event()
            await self._reached.wait()

    def complaints(self) -> list[str]:
        """What did not run exactly once."""
        never, once = self._runs.count(0), self._runs.count(1)
        more = len(self._runs) - never - once
        return [f"{number:,} tasks {what}" for number, what in ((never, "never ran"), (more, "ran again")) if number]

    def _count(self) -> None:
        number = int(taskshed.current_occurrence().task_id)
        self._runs[number] = min(255, self._runs[number] + 1)
        self.ended += 1
        if self.ended == self._awaited:
            self._reached.set()

    async def _plain(self) -> None:
        self._count()

    async def _typed(self, number: int, when: datetime, parts: list[timedelta]) -> None:
        if (str(number), when, parts) != (taskshed.current_occurrence().task_id, _FOREVER, [_SECOND]):
            raise AssertionError("other arguments came than were given")
        self._count()

    async def _failing(self) -> None:
        self._count()
        raise ValueError("as it should")

    async def _again(self) -> None:
        self.again += 1

    async def _again_failing(self) -> None:
        self.again += 1
        raise ValueError("as it should")


def _one_off(number: int) -> Task:
    if number % 100 == 99:
        return Task(callback="failing", task_id=str(number))
    if number % 10 == 0:
        kwargs = {"number": number, "when": _FOREVER, "parts": [_SECOND]}
        return Task(callback="typed", task_id=str(number), kwargs=kwargs, group_id=f"group {number % 1000}")
    return Task(callback="plain", task_id=str(number))
