from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from taskshed import current_occurrence, open_scheduler
from taskshed.schedulers import AsyncScheduler
from taskshed.testing import VirtualClock, virtual_clock


class Diary:
    """Callbacks that write down which occurrence ran when, by the virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.entries: list[tuple[str, datetime]] = []
        self.late: list[timedelta] = []

    async def write(self, name: str = "") -> None:
        self.entries.append((name, self.clock.now()))
        self.late.append(current_occurrence().lag)

    @property
    def times(self) -> list[datetime]:
        return [when for _, when in self.entries]


@pytest.fixture
async def clock() -> AsyncIterator[VirtualClock]:
    async with virtual_clock() as clock:
        yield clock


@pytest.fixture
def diary(clock: VirtualClock) -> Diary:
    return Diary(clock)


@pytest.fixture
async def scheduler(clock: VirtualClock, diary: Diary) -> AsyncIterator[AsyncScheduler]:
    async with open_scheduler(callback_map={"write": diary.write}) as scheduler:
        yield scheduler
