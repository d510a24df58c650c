"""A group of 20,000 is changed page by page, while another adds to it, removes from it and works on."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from redis import Redis
from redis_store.work import Work, commands_of
from servers._redis import RedisServer
from servers.redis_fixtures import StartServer

from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.datastores.commands import InGroup
from taskshed.models import Task
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

BIG = 20_000
PAGE = 200  # how many a script may look at, as it keeps everybody else waiting
TOMORROW = datetime.now(UTC) + timedelta(days=1)


class Other:
    """Somebody else at work on the group, for as long as something takes.

    Each time it adds ten tasks, has one run that is in no group, and removes what is left of the ten before.
    """

    def __init__(self, server: RedisServer, scheduler: AsyncScheduler, work: Work) -> None:
        self._server = server
        self._scheduler = scheduler
        self._work = work
        self._left: list[str] = []
        self.rounds = 0

    async def during(self, change: Callable[[], Awaitable[Any]]) -> None:
        """Work while `change` is under way, and a round before; see that it leaves the server time for that."""
        await self._go_round()
        rounds, scripts, over = self.rounds, commands_of(self._server)["evalsha"], anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._until, over)
            await change()
            over.set()
        assert self.rounds > rounds
        assert commands_of(self._server)["evalsha"] - scripts >= BIG / PAGE

    async def _until(self, over: anyio.Event) -> None:
        while not over.is_set():
            await self._go_round()

    async def _go_round(self) -> None:
        self.rounds += 1
        names = [f"other {self.rounds}, {number}" for number in range(10)]
        tasks = (Task(callback="note", run_at=TOMORROW, group_id="big", task_id=name) for name in names)
        await self._scheduler.add_tasks(tasks)
        await self._scheduler.add_task("note", task_id=f"run {self.rounds}")
        await self._work.done(f"run {self.rounds}")
        await self._scheduler.remove_tasks(task_ids=self._left)
        self._left = names

    async def end(self) -> None:
        await self._scheduler.remove_tasks(task_ids=self._left)
        assert self._work.counts() == {f"run {number}": 1 for number in range(1, self.rounds + 1)}


async def test_whoever_is_in_the_group_throughout_is_changed(start_valkey: StartServer) -> None:
    server = start_valkey()
    config, work = RedisConfig(url=server.url, shards=2), Work()
    datastore, theirs = RedisDataStore(config), RedisDataStore(config)
    working = AsyncScheduler(theirs, EventDrivenWorker(work.callbacks, theirs))
    async with AsyncScheduler(datastore) as scheduler, working:
        names = [f"big {number}" for number in range(BIG)]
        tasks = [Task(callback="note", run_at=TOMORROW, group_id="big", task_id=name) for name in names]
        for begin in range(0, BIG, 5000):
            await scheduler.add_tasks(tasks[begin : begin + 5000])
        other = Other(server, working, work)

        async def state() -> dict[str, bool]:
            found = await datastore.fetch(InGroup("big"))
            return {task.task_id: task.paused for task in found if task.task_id.startswith("big")}

        await other.during(lambda: scheduler.pause_tasks(group_id="big"))
        assert await state() == dict.fromkeys(names, True)
        await other.during(lambda: scheduler.resume_tasks(group_id="big"))
        assert await state() == dict.fromkeys(names, False)
        await other.during(state)
        await other.during(lambda: scheduler.remove_tasks(group_id="big"))
        assert await state() == {}
        await other.end()
        with Redis.from_url(server.url, decode_responses=True) as client:
            await scheduler.remove_tasks(group_id="big")
            assert client.keys("*group*") == []
            await scheduler.remove_all_tasks()
            assert client.keys("*") == ["{taskshed:0}:meta"]
