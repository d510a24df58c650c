"""What a call says of its effect is true, whatever becomes of the server meanwhile."""

from collections.abc import Sequence

import anyio
import pytest
from anyio import to_thread
from outage.sites import TOMORROW, Site, comes_true

import taskshed
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

CALLERS = 5
ENDS = ("stop", "kill") * 3


class Caller:
    """Adds one task after another, and keeps what it was told of each."""

    def __init__(self, scheduler: AsyncScheduler, name: str) -> None:
        self._scheduler = scheduler
        self._name = name
        self.added: list[str] = []
        self.not_added: list[str] = []
        self.unknown: list[str] = []

    async def add(self) -> None:
        while True:
            task_id = f"{self._name} {len(self.added) + len(self.not_added) + len(self.unknown)}"
            try:
                await self._scheduler.add_task("note", TOMORROW, task_id=task_id)
                self.added.append(task_id)
            except taskshed.DatastoreUnavailableError as error:
                effect = str(error).rpartition("; ")[2]
                if effect == "nothing was changed":
                    self.not_added.append(task_id)
                else:
                    assert effect == "it is not known whether anything was changed"
                    self.unknown.append(task_id)
                await anyio.sleep(0.01)


def number_added(callers: Sequence[Caller]) -> int:
    return sum(len(caller.added) for caller in callers)


async def test_what_a_call_says_of_its_effect_is_true(site: Site) -> None:
    async with AsyncScheduler(site.store()) as scheduler:
        callers = [Caller(scheduler, f"caller {number}") for number in range(CALLERS)]
        async with anyio.create_task_group() as tasks:
            for caller in callers:
                tasks.start_soon(caller.add)
            for end in ENDS:

                async def have_added_more(enough: int = number_added(callers) + 20) -> bool:
                    return number_added(callers) >= enough

                await comes_true(have_added_more)
                await to_thread.run_sync(getattr(site.server, end))
                await to_thread.run_sync(site.server.start)
            tasks.cancel_scope.cancel()
        for caller in callers:
            found = await scheduler.fetch_tasks(task_ids=caller.added)
            assert [task.task_id for task in found] == caller.added
            assert await scheduler.fetch_tasks(task_ids=caller.not_added) == []
            assert caller.not_added
