"""Seeing what is scheduled, and being told what is when it is not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from testing.conftest import Diary

from taskshed.schedulers import AsyncScheduler
from taskshed.testing import VirtualClock, assert_not_scheduled, assert_scheduled

pytestmark = pytest.mark.anyio

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def filled(clock: VirtualClock, scheduler: AsyncScheduler) -> AsyncScheduler:
    await scheduler.add_task("write", NOON, {"name": "Ada"}, task_id="ada")
    await scheduler.add_task("write", NOON, {"name": "Bob"}, interval=timedelta(hours=1), task_id="bob", group_id="g")
    await scheduler.add_task("write", NOON, task_id="cron", cron="0 12 * * *", timezone="Europe/Berlin", paused=True)
    await scheduler.add_task("write", kwargs={"nam": "?"}, task_id="failed")
    await clock.advance(timedelta(0))
    return scheduler


MATCHING: dict[str, tuple[dict[str, Any], str]] = {
    "by callback": ({}, "ada"),
    "by arguments": ({"kwargs": {"name": "Bob"}}, "bob"),
    "by time": ({"run_at": NOON, "task_id": "bob"}, "bob"),
    "by group": ({"group_id": "g"}, "bob"),
    "by interval": ({"interval": timedelta(hours=1)}, "bob"),
    "by cron": ({"cron": "0 12 * * *", "paused": True}, "cron"),
    "failed, if asked for": ({"status": "failed"}, "failed"),
}


@pytest.mark.parametrize(("fields", "task_id"), MATCHING.values(), ids=MATCHING)
async def test_a_task_is_scheduled(filled: AsyncScheduler, fields: dict[str, Any], task_id: str) -> None:
    assert (await assert_scheduled(filled, "write", **fields)).task_id == task_id
    with pytest.raises(AssertionError, match=f"'{task_id}' is scheduled for 'write'"):
        await assert_not_scheduled(filled, "write", **fields)


@pytest.mark.parametrize("value", [NOON, UUID(int=7), Decimal("1.50"), (1, 2)], ids=repr)
async def test_arguments_are_compared_as_they_are_stored(scheduler: AsyncScheduler, value: Any) -> None:
    await scheduler.add_task("write", NOON, {"name": value})
    await assert_scheduled(scheduler, "write", kwargs={"name": value})


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "another callback": ("read", {}),
    "other arguments": ("write", {"kwargs": {"name": "Eve"}}),
    "another time": ("write", {"run_at": NOON + timedelta.resolution}),
    "failed ones do not count": ("write", {"kwargs": {"nam": "?"}}),
}


@pytest.mark.parametrize(("callback", "fields"), OTHERS.values(), ids=OTHERS)
async def test_no_such_task_is_scheduled(filled: AsyncScheduler, callback: str, fields: dict[str, Any]) -> None:
    await assert_not_scheduled(filled, callback, **fields)
    with pytest.raises(AssertionError, match=f"no task is scheduled for '{callback}'"):
        await assert_scheduled(filled, callback, **fields)


async def test_the_message_lists_what_is_scheduled(filled: AsyncScheduler) -> None:
    with pytest.raises(AssertionError) as caught:
        await assert_scheduled(filled, "write", kwargs={"name": "Eve"})
    first, *lines = str(caught.value).splitlines()
    assert first == "no task is scheduled for 'write', kwargs={'name': 'Eve'}; there are:"
    assert sorted(lines) == [
        "  write() at 2030-01-01 12:00:00+00:00, cron '0 12 * * *' in Europe/Berlin, task_id='cron' paused",
        "  write(nam='?') at 2030-01-01 00:00:00+00:00, task_id='failed' failed "
        "error=\"callback 'write': TypeError: unexpected argument 'nam'\"",
        "  write(name='Ada') at 2030-01-01 12:00:00+00:00, task_id='ada'",
        "  write(name='Bob') at 2030-01-01 12:00:00+00:00, every 1:00:00, task_id='bob' group_id='g'",
    ]


async def test_the_message_says_that_there_is_nothing(scheduler: AsyncScheduler, diary: Diary) -> None:
    with pytest.raises(AssertionError, match="no task is scheduled for 'write'; nothing is scheduled"):
        await assert_scheduled(scheduler, "write")


@pytest.mark.parametrize("check", [assert_scheduled, assert_not_scheduled])
async def test_a_field_that_no_task_has_is_refused(scheduler: AsyncScheduler, check: Any) -> None:
    with pytest.raises(TypeError, match="a task has no field 'when'; it has callback, run_at, run_type"):
        await check(scheduler, "write", when=NOON)


async def test_a_naive_time_is_refused(scheduler: AsyncScheduler) -> None:
    with pytest.raises(ValueError, match="run_at must have a time zone"):
        await assert_scheduled(scheduler, "write", run_at=datetime(2030, 1, 1))
