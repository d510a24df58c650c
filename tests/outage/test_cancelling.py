"""A call to the storage that is cancelled at any moment: all of it has happened or nothing, and the next one works."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from outage.kinds import PostgresSite
from outage.sites import TOMORROW, Site

import taskshed
from taskshed._clock import SystemClock
from taskshed._records import Record, freeze
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores.commands import Add, ById, Claim, Everything, Remove

pytestmark = pytest.mark.anyio

IDS = ("a", "b", "c")
ADD_DUE = Add(tuple(freeze(taskshed.Task(callback="note", task_id=task_id)) for task_id in IDS))
ADD = Add(tuple(freeze(taskshed.Task(callback="note", task_id=task_id, run_at=TOMORROW)) for task_id in IDS))
CLAIM = Claim(limit=3, lease=3_600_000_000)


async def turns(number: int) -> None:
    for _ in range(number):
        await checkpoint()


# On a connection that is there a call takes few turns of the event loop, unless the server thinks for a while.
MOMENTS: list[Callable[[], Awaitable[None]]] = [
    *(partial(turns, number) for number in range(15)),
    *(partial(anyio.sleep, milliseconds / 1000) for milliseconds in range(1, 6)),
]
# To connect and to make tables takes some milliseconds.
OPENING_MOMENTS = range(0, 60, 3)


def all_or_none(records: list[Record]) -> None:
    assert len(records) in (0, 3)


def all_or_none_claimed(records: list[Record]) -> None:
    assert len(records) == 3
    assert len({(record.token, record.leased_until, record.attempts) for record in records}) == 1


# Call: (what there is before, the call, what there may be afterwards)
CALLS: dict[
    str, tuple[list[Add], Callable[[HostedStorage], Coroutine[Any, Any, object]], Callable[[list[Record]], None]]
] = {
    "add": ([], lambda storage: storage.execute([ADD]), all_or_none),
    "claim": ([ADD_DUE], lambda storage: storage.execute([CLAIM]), all_or_none_claimed),
    "claim with others": ([ADD_DUE], lambda storage: storage.execute([CLAIM, Add(())]), all_or_none_claimed),
    "fetch": ([ADD], lambda storage: storage.fetch(ById(IDS)), all_or_none),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_that_is_cancelled_has_happened_or_not(site: Site, name: str) -> None:
    before, call, check = CALLS[name]
    async with site.storage() as storage:
        for moment in MOMENTS:
            await storage.execute([Remove(Everything()), *before])
            await storage.fetch(ById(IDS))  # now both connections are there
            with anyio.fail_after(10):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(call, storage)
                    await moment()
                    tasks.cancel_scope.cancel()
            check(await storage.fetch(ById(IDS)))
        await site.is_idle()
        assert len(await site.connections()) <= 2
    await site.is_left()


async def test_opening_that_is_cancelled_leaves_no_connection(site: Site) -> None:
    # asyncpg leaves a future behind if it is interrupted just before it asks for TLS.
    url = site.url + ("?sslmode=disable" if isinstance(site, PostgresSite) else "")
    for milliseconds in OPENING_MOMENTS:
        storage = site.new_storage(url=url)
        opened = False
        with anyio.move_on_after(milliseconds / 1000):
            await storage.open(SystemClock())
            opened = True
        if opened:
            await storage.close()
        await site.is_left()
    async with site.storage() as storage:
        assert await storage.fetch(ById(IDS)) == []
