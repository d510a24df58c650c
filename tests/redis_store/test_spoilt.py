"""Whatever somebody does by hand stays with the task that it was done to, and a worker goes on with all others."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from anyio import to_thread
from outage.sites import comes_true
from redis import Redis
from redis_store.hands import BODY, BYTES, DAMAGES, TOKENS, Damage, Hand
from redis_store.work import Work
from redis_stores import own_prefix

from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.models import Task, TaskExecutionTime
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
TOMORROW = datetime.now(UTC) + 24 * HOUR


@pytest.fixture
def config(valkey_url: str) -> RedisConfig:
    return own_prefix(valkey_url)


@pytest.fixture
def hand(config: RedisConfig) -> Iterator[Hand]:
    with Redis.from_url(str(config.url)) as client:
        yield Hand(client, config.key_prefix)


@asynccontextmanager
async def working(config: RedisConfig, work: Work) -> AsyncIterator[AsyncScheduler]:
    """A scheduler and a worker, and what is to be spoilt."""
    datastore = RedisDataStore(config)
    async with AsyncScheduler(datastore, EventDrivenWorker(work.callbacks, datastore)) as scheduler:
        names = ("spoilt", "healthy")
        await scheduler.add_tasks(Task(callback="note", run_at=TOMORROW, task_id=n, group_id="group") for n in names)
        yield scheduler


async def all_others_run(scheduler: AsyncScheduler, config: RedisConfig, work: Work) -> None:
    """See that others run that are added or moved, also from elsewhere; the last is in nobody's way."""
    await scheduler.add_task("note", task_id="added")
    await work.done("added", seconds=5)
    async with RedisDataStore(config) as another, AsyncScheduler(another) as elsewhere:
        await elsewhere.add_task("note", task_id="added elsewhere")
        await work.done("added elsewhere", seconds=5)
    await scheduler.pause_tasks(group_id="group")
    await scheduler.resume_tasks(group_id="group")
    await scheduler.update_execution_times(tasks=[TaskExecutionTime(task_id="healthy", run_at=datetime.now(UTC))])
    await work.done("healthy", seconds=5)

    async def are_gone() -> bool:
        return not await scheduler.fetch_tasks(task_ids=["added", "added elsewhere", "healthy"])

    await comes_true(are_gone)
    assert work.counts() == {"added": 1, "added elsewhere": 1, "healthy": 1}


async def nothing_is_due(hand: Hand) -> None:
    """Wait until nothing is due or claimed before tomorrow: what was spoilt has been set aside for good."""

    async def is_so() -> bool:
        count = hand.client.zcount
        return await to_thread.run_sync(count, hand.key("due"), "-inf", (TOMORROW - HOUR).timestamp() * 1e6) == 0

    await comes_true(is_so, seconds=5)


async def nothing_is_left(scheduler: AsyncScheduler, hand: Hand, task_id: str) -> None:
    """See that it can be removed, and all the rest."""
    await scheduler.remove_tasks(task_ids=[task_id])
    assert await scheduler.fetch_tasks(task_ids=[task_id]) == []
    await scheduler.remove_tasks(group_id="group")
    assert await scheduler.fetch_tasks(group_id="group") == []
    await scheduler.remove_all_tasks()
    assert await to_thread.run_sync(hand.client.keys, hand.key("*")) == [hand.key("meta").encode()]


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said to be wrong, besides with tasks."""
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    return [message for message in messages if not message.startswith("Task ")]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_what_is_spoilt_is_set_aside(
    config: RedisConfig, hand: Hand, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    async with working(config, work) as scheduler:
        await to_thread.run_sync(damage.do, hand)
        await all_others_run(scheduler, config, work)
        await nothing_is_due(hand)
        tasks = await scheduler.fetch_tasks(group_id="group") + await scheduler.fetch_tasks(task_ids=[damage.task_id])
        found = [task for task in tasks if task.task_id == damage.task_id]
        assert {task.status for task in found} == (set() if damage.error is None else {"failed"})
        assert [task.error for task in found if str(damage.error) not in str(task.error)] == []
        await nothing_is_left(scheduler, hand, damage.task_id)
    assert complaints(caplog) == []


@pytest.mark.parametrize("token", TOKENS)
async def test_a_token_that_is_none_is_replaced(
    config: RedisConfig, hand: Hand, token: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    async with working(config, work) as scheduler:
        await to_thread.run_sync(hand.client.set, hand.key("token"), token)
        await all_others_run(scheduler, config, work)
        await nothing_is_due(hand)
        await nothing_is_left(scheduler, hand, "spoilt")
    assert complaints(caplog) == []


async def test_a_time_that_is_no_whole_number_is_a_time(config: RedisConfig, hand: Hand) -> None:
    work = Work()
    async with working(config, work) as scheduler:
        await to_thread.run_sync(hand.due, 1.5)
        await scheduler.add_task("note", task_id="added")
        await work.done("spoilt", "added")
        await nothing_is_due(hand)
        assert work.counts() == {"spoilt": 1, "added": 1}


async def test_ids_of_all_kinds_of_text_are_run_and_others_are_not(config: RedisConfig, hand: Hand) -> None:
    work = Work()
    strange = [
        b"\x80",
        b"\xc0\x80",
        b"\xc3",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
    ]
    edges = "\x01\x7f\x80\u07ff\u0800\u0fff\u1000\ud7ff\ue000\uffff\U00010000\U0003ffff\U00040000\U000fffff\U0010ffff"
    async with working(config, work) as scheduler:
        for name in strange:
            hand.body(b"0:" + BODY, name)
            hand.due(task_id=name)
        texts = [*edges, edges, f"ä{edges}€"]
        await scheduler.add_tasks(Task(callback="note", task_id=text) for text in texts)
        await work.done(*texts)
        await nothing_is_due(hand)
    assert work.counts() == dict.fromkeys(texts, 1)


@pytest.mark.parametrize("score", [float("inf"), float("-inf"), 1e300])
async def test_a_time_that_is_none_keeps_nobody_waiting(
    config: RedisConfig, hand: Hand, score: float, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    async with working(config, work) as scheduler:
        await scheduler.remove_tasks(task_ids=["healthy"])
        await to_thread.run_sync(hand.due, score)
        for name in ("first", "second"):
            await scheduler.add_task("note", task_id=name)
            await work.done(name, seconds=5)
            async with RedisDataStore(config) as another, AsyncScheduler(another) as elsewhere:
                await elsewhere.add_task("note", task_id=f"{name} elsewhere")
                await work.done(f"{name} elsewhere", seconds=5)
        await nothing_is_due(hand)
    assert complaints(caplog) == []


async def test_what_anybody_says_on_the_channel_is_passed_over(
    config: RedisConfig, hand: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    async with working(config, work) as scheduler:
        for said in (b"", b" ", b"soon", b"inf x", b"-inf x", b"nan x", b"1e400 x", BYTES):
            assert await to_thread.run_sync(hand.client.publish, hand.key("notices"), said) == 1
        await all_others_run(scheduler, config, work)
    assert complaints(caplog) == []
