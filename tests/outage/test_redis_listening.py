"""Connections that listen, and are lost: openly or without a word."""

import logging
import time
from datetime import timedelta

import pytest
from outage.proxies import Proxy
from outage.redis_sites import RedisSite
from outage.sites import HOUR, comes_true

import taskshed
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

SOON = 5  # seconds, on a busy machine too


class Work:
    """A callback that tells when it started."""

    def __init__(self) -> None:
        self._starts: dict[str, float] = {}

    async def note(self) -> None:
        self._starts[taskshed.current_occurrence().task_id] = time.monotonic()

    async def starts_soon(self, scheduler: AsyncScheduler, task_id: str) -> None:
        """Add a task that is due, and wait for its start."""

        async def has_started() -> bool:
            return task_id in self._starts

        await scheduler.add_task("note", task_id=task_id)
        added = time.monotonic()
        await comes_true(has_started)
        assert self._starts[task_id] - added < SOON


async def test_what_is_said_while_nobody_listens_is_not_missed(
    redis_site: RedisSite, caplog: pytest.LogCaptureFixture
) -> None:
    async def listens_again() -> bool:
        return caplog.text.count("noticed again") == 1

    caplog.set_level(logging.INFO, "taskshed")
    work = Work()
    here, there = redis_site.store(poll_interval=HOUR), redis_site.store(poll_interval=HOUR)
    async with AsyncScheduler(there) as elsewhere:
        (others,) = await redis_site.listeners()
        async with EventDrivenWorker({"note": work.note}, here):
            await work.starts_soon(elsewhere, "heard")
            for number in range(3):
                caplog.clear()
                (listener,) = await redis_site.listeners() - {others}
                await redis_site.hang_up_on(listener)
                await work.starts_soon(elsewhere, f"while nobody listens {number}")
                await comes_true(listens_again)
                await work.starts_soon(elsewhere, f"heard again {number}")
                reason = f"{redis_site.place}: a connection that listens was closed; nothing was changed"
                assert [record for record in caplog.records if record.levelno >= logging.WARNING] == [
                    record for record in caplog.records if record.getMessage().endswith(reason)
                ]
    await redis_site.is_left()


async def test_listeners_that_are_killed_all_at_once_listen_again(redis_site: RedisSite) -> None:
    work = Work()
    stores = [redis_site.store(poll_interval=HOUR) for _ in range(3)]

    async def all_listen() -> bool:
        return len(await redis_site.listeners()) == 3

    worker = EventDrivenWorker({"note": work.note}, stores[0])
    async with worker, stores[1], AsyncScheduler(stores[2]) as elsewhere:
        assert await redis_site.execute("CLIENT", "KILL", "TYPE", "pubsub") == 3
        await work.starts_soon(elsewhere, "while nobody listens")
        await comes_true(all_listen)
        await work.starts_soon(elsewhere, "heard again")


async def test_a_listener_that_died_without_a_word_is_noticed(
    redis_site: RedisSite, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_logged(text: str) -> bool:
        return text in caplog.text

    caplog.set_level(logging.INFO, "taskshed")
    work, proxy = Work(), Proxy(redis_site.server.port)
    async with proxy.running(), AsyncScheduler(redis_site.store(poll_interval=HOUR)) as elsewhere:
        (others,) = await redis_site.listeners()
        url = redis_site.url_with(port=proxy.port)
        here = redis_site.store(url=url, poll_interval=timedelta(seconds=0.3))
        async with EventDrivenWorker({"note": work.note}, here):
            await work.starts_soon(elsewhere, "heard")
            (listener,) = await redis_site.listeners() - {others}
            proxy.mute(await redis_site.port_of(listener))
            await work.starts_soon(elsewhere, "not heard")
            await comes_true(lambda: is_logged("the connection that listens is dead"))
            await comes_true(lambda: is_logged("noticed again"))
            await work.starts_soon(elsewhere, "heard again")
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
