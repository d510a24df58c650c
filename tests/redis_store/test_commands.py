"""How often the server is asked: callers share what is said, and who has nothing to do says nothing."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from redis_store.work import commands_of
from servers._redis import RedisServer
from servers.redis_fixtures import StartServer

import taskshed

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)


def said_by_stores(server: RedisServer, before: Counter[str]) -> Counter[str]:
    ours = Counter({"info": 1, "client|setinfo": 2})  # of `before`
    return commands_of(server) - before - ours


async def test_callers_who_call_at_once_share_a_script(start_valkey: StartServer) -> None:
    server = start_valkey()
    async with taskshed.open_scheduler(server.url) as scheduler:
        before = commands_of(server)
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(scheduler.add_task, "note", TOMORROW)
        assert said_by_stores(server, before)["evalsha"] <= 2


async def test_what_has_ended_is_settled_with_the_next_claim(start_valkey: StartServer) -> None:
    server = start_valkey()
    left = 1000
    ended = anyio.Event()

    async def note() -> None:
        nonlocal left
        left -= 1
        if not left:
            ended.set()

    async with taskshed.open_scheduler(server.url) as scheduler:
        await scheduler.add_tasks(taskshed.Task(callback="note") for _ in range(1000))
        before = commands_of(server)
        async with taskshed.open_worker(server.url, {"note": note}, max_concurrency=100):
            with anyio.fail_after(20):
                await ended.wait()
    # Two to open, then some for each hundred; a claim and a settlement each would be 2,000.
    assert said_by_stores(server, before)["evalsha"] <= 60


async def test_an_idle_worker_is_silent(start_valkey: StartServer) -> None:
    server = start_valkey()

    async def note() -> None: ...

    async with taskshed.open_worker(server.url, {"note": note}), taskshed.open_scheduler(server.url) as scheduler:
        await scheduler.add_task("note", TOMORROW)
        before = commands_of(server)
        await anyio.sleep(1)  # silence takes time; the next look is due in a minute
        assert said_by_stores(server, before) == Counter()
