"""A Redis that is full takes no more, but gives what it has, and is what its own settings make of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from outage.redis_sites import RedisSite
from outage.sites import HOUR, TOMORROW, comes_true

import taskshed
from taskshed._planning import Settlement
from taskshed._records import Record, freeze
from taskshed.datastores.commands import Add, ById, Claim, Command, Everything, Note, Pause, Remove, Settle
from taskshed.models import TaskExecutionTime
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

FULL = ("CONFIG", "SET", "maxmemory", "1")
ROOM = ("CONFIG", "SET", "maxmemory", "0")
# What a batch does besides adding, and how one sees that it was done.
OTHERS: dict[str, tuple[Command[Any], Callable[[Record | None], bool]]] = {
    "pause": (Pause(ById(("due",))), lambda record: record is not None and record.paused_at is not None),
    "claim": (Claim(limit=1, lease=10**9), lambda record: record is not None and record.attempts == 1),
    "note": (Note("due", "boom"), lambda record: record is not None and record.error == "boom"),
    "remove": (Remove(ById(("due",))), lambda record: record is None),
}
MANY = tuple(freeze(taskshed.Task(callback="note", run_at=TOMORROW, task_id=f"new {n}")) for n in range(450))


async def test_a_full_server_refuses_tasks_and_changes_nothing(any_redis_site: RedisSite) -> None:
    refusal = f"{any_redis_site.place}: OOM .*; nothing was changed$"
    datastore = any_redis_site.store()
    async with AsyncScheduler(datastore) as scheduler:
        await scheduler.add_task("note", TOMORROW, task_id="there")
        before = await datastore.fetch(Everything())
        await any_redis_site.execute(*FULL)
        task = taskshed.Task(callback="other", run_at=TOMORROW, task_id="there")
        with pytest.raises(taskshed.DatastoreUnavailableError, match=refusal):
            await scheduler.add_task("note", TOMORROW)
        with pytest.raises(taskshed.DatastoreUnavailableError, match=refusal):
            await scheduler.add_tasks([task, *(taskshed.Task(callback="note", run_at=TOMORROW) for _ in range(450))])
        with pytest.raises(taskshed.DatastoreUnavailableError, match=refusal):
            await scheduler.add_task("other", TOMORROW, task_id="there")
        assert await datastore.fetch(Everything()) == before
        await any_redis_site.execute(*ROOM)
        await scheduler.add_task("note", TOMORROW, task_id="new")
        assert len(await datastore.fetch(Everything())) == 2


async def test_what_a_full_server_has_is_run_and_changed(any_redis_site: RedisSite) -> None:
    ran: list[str] = []

    async def note() -> None:
        ran.append(taskshed.current_occurrence().task_id)

    async def has_run_all() -> bool:
        return len(ran) == 3 and await scheduler.fetch_tasks(task_ids=["once", "there"]) == []

    datastore = any_redis_site.store(poll_interval=HOUR)
    async with AsyncScheduler(datastore, EventDrivenWorker({"note": note}, datastore)) as scheduler:
        soon = datetime.now(UTC) + timedelta(seconds=1)
        await scheduler.add_task("note", soon, task_id="once")
        await scheduler.add_task("note", soon, task_id="again", run_type="recurring", interval=HOUR)
        await scheduler.add_task("note", TOMORROW, task_id="there", group_id="group")
        await any_redis_site.execute(*FULL)
        assert ran == []
        await scheduler.pause_tasks(group_id="group")
        await scheduler.resume_tasks(group_id="group")
        await scheduler.update_execution_times(tasks=[TaskExecutionTime(task_id="there", run_at=soon)])
        await comes_true(has_run_all)
        assert sorted(ran) == ["again", "once", "there"]
        async with any_redis_site.store() as another:
            assert len(await another.fetch(Everything())) == 1
        await scheduler.remove_all_tasks()
        assert await datastore.fetch(Everything()) == []


@pytest.mark.parametrize("other", OTHERS)
async def test_a_batch_that_does_not_only_add_is_done_as_a_whole(any_redis_site: RedisSite, other: str) -> None:
    command, is_done = OTHERS[other]
    ids = tuple(record.task_id for record in MANY)  # so many that they are several scripts
    async with any_redis_site.storage() as storage:
        for batch in ([Add(MANY), command], [command, Add(MANY)]):
            due = Add((freeze(taskshed.Task(callback="note", task_id="due")),))
            await storage.execute([Remove(Everything()), due])
            await any_redis_site.execute(*FULL)
            await storage.execute(batch)
            await any_redis_site.execute(*ROOM)
            assert len(await storage.fetch(ById(ids))) == len(ids)
            assert is_done(next(iter(await storage.fetch(ById(("due",)))), None))


async def test_a_child_is_added_with_its_settlement_where_there_is_no_room(any_redis_site: RedisSite) -> None:
    async with any_redis_site.storage() as storage:
        await storage.execute([Add((freeze(taskshed.Task(callback="note", task_id="due")),))])
        (claimed,) = await storage.execute([Claim(limit=1, lease=10**9)])
        (held,), (child, *_) = claimed.records, MANY
        done = Settlement(task_id="due", token=held.token, outcome="done", run_at=held.run_at, child=child)
        await any_redis_site.execute(*FULL)
        assert await storage.execute([Settle((done,))]) == [()]
        await any_redis_site.execute(*ROOM)
        assert [record.run_at for record in await storage.fetch(Everything())] == [child.run_at]
