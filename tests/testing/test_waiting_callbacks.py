"""Callbacks that take their time, on a virtual clock and on the real one."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from testing.conftest import Diary

from taskshed import open_scheduler
from taskshed.schedulers import AsyncScheduler
from taskshed.testing import VirtualClock, virtual_clock

pytestmark = pytest.mark.anyio

START = datetime(2030, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


async def test_a_callback_that_sleeps_on_the_clock_lets_time_pass(clock: VirtualClock) -> None:
    seen: list[tuple[str, datetime]] = []

    async def nap() -> None:
        seen.append(("begin", clock.now()))
        await clock.sleep(10 * MINUTE)
        seen.append(("end", clock.now()))

    async with open_scheduler(callback_map={"nap": nap}) as scheduler:
        await scheduler.add_task("nap", run_at=START + HOUR)
        await clock.advance(HOUR + MINUTE)
        assert seen == [("begin", START + HOUR)]
        await clock.advance(HOUR)
        assert seen == [("begin", START + HOUR), ("end", START + HOUR + 10 * MINUTE)]


async def test_a_run_of_ten_leases_runs_once(clock: VirtualClock) -> None:
    begun = 0

    async def nap() -> None:
        nonlocal begun
        begun += 1
        await clock.sleep(5 * MINUTE)

    async with open_scheduler(callback_map={"nap": nap}, lease=30 * SECOND) as scheduler:
        await scheduler.add_task("nap")
        await clock.advance(HOUR)
        assert begun == 1
        assert await scheduler.fetch_all_tasks() == []


async def test_tasks_of_a_callback_may_sleep_too(clock: VirtualClock) -> None:
    woken: list[datetime] = []

    async def nap(minutes: int) -> None:
        await clock.sleep(minutes * MINUTE)
        woken.append(clock.now())

    async def naps() -> None:
        async with anyio.create_task_group() as tasks:
            for minutes in (3, 1, 2):
                tasks.start_soon(nap, minutes)

    async with open_scheduler(callback_map={"naps": naps}) as scheduler:
        await scheduler.add_task("naps")
        await clock.advance(HOUR)
        assert woken == [START + n * MINUTE for n in (1, 2, 3)]


async def test_a_callback_that_waits_for_something_real_is_waited_for(clock: VirtualClock) -> None:
    seen: list[datetime] = []

    async def think() -> None:
        await anyio.to_thread.run_sync(lambda: None)
        await anyio.sleep(0.01)
        seen.append(clock.now())

    async with open_scheduler(callback_map={"think": think}) as scheduler:
        await scheduler.add_task("think", run_at=START + HOUR, interval=HOUR)
        await clock.advance(3 * HOUR)
        assert seen == [START + n * HOUR for n in (1, 2, 3)]


async def test_a_callback_that_never_ends_is_named() -> None:
    async with virtual_clock(patience=timedelta(milliseconds=500)) as clock:
        free = anyio.Event()
        async with open_scheduler(callback_map={"stick": free.wait}) as scheduler:
            await scheduler.add_task("stick", task_id="stuck")
            with pytest.raises(RuntimeError, match=r"nothing has happened for 0\.5 real seconds .* running: 'stuck'"):
                await clock.advance(HOUR)
            free.set()
            await clock.advance(HOUR)
            assert await scheduler.fetch_all_tasks() == []


async def test_a_callback_cannot_turn_the_clock_it_runs_by(clock: VirtualClock) -> None:
    async def turn() -> None:
        await clock.advance(HOUR)

    async with open_scheduler(callback_map={"turn": turn}) as scheduler:
        await scheduler.add_task("turn", task_id="t")
        await clock.advance(HOUR)
        (task,) = await scheduler.fetch_all_tasks()
        assert task.error is not None
        assert "the callback 'turn' of task 't' cannot turn the clock that it runs by" in task.error


async def test_two_tasks_cannot_turn_it_at_once(clock: VirtualClock) -> None:
    free = anyio.Event()
    async with open_scheduler(callback_map={"stick": free.wait}) as scheduler, anyio.create_task_group() as tasks:
        await scheduler.add_task("stick", run_at=START + MINUTE)
        tasks.start_soon(clock.advance, HOUR)
        while clock.now() == START:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(RuntimeError, match="being turned by another task"):
            await clock.advance(HOUR)
        free.set()
    assert clock.now() == START + HOUR


async def test_a_cancelled_advance_stops_where_it_is(clock: VirtualClock) -> None:
    free = anyio.Event()
    async with open_scheduler(callback_map={"stick": free.wait}) as scheduler:
        await scheduler.add_task("stick", run_at=START + MINUTE)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(clock.advance, HOUR)
            while clock.now() == START:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert clock.now() == START + MINUTE
        free.set()
        await clock.advance(HOUR)
        assert clock.now() == START + MINUTE + HOUR
        assert await scheduler.fetch_all_tasks() == []


async def test_tasks_of_the_test_may_sleep_on_it_and_may_be_cancelled(
    clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary
) -> None:
    woken: list[datetime] = []

    async def add_each_hour() -> None:
        while True:
            await clock.sleep(HOUR)
            woken.append(clock.now())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(add_each_hour)
        await scheduler.add_task("write", run_at=START + timedelta(hours=2, minutes=30))
        await clock.advance(4 * HOUR)
        tasks.cancel_scope.cancel()
    assert woken == [START + n * HOUR for n in (1, 2, 3, 4)]
    assert diary.times == [START + timedelta(hours=2, minutes=30)]
    await clock.advance(4 * HOUR)
    assert len(woken) == 4


@pytest.mark.parametrize("duration", [timedelta(0), -SECOND], ids=["nothing", "less than nothing"])
async def test_sleeping_for_nothing_returns(clock: VirtualClock, duration: timedelta) -> None:
    await clock.sleep(duration)
    assert clock.now() == START


async def test_leaving_the_scheduler_lets_time_pass_for_those_who_sleep(clock: VirtualClock) -> None:
    ended: list[datetime] = []

    async def nap() -> None:
        await clock.sleep(20 * SECOND)
        ended.append(clock.now())

    async with open_scheduler(callback_map={"nap": nap}) as scheduler:
        await scheduler.add_task("nap", run_at=START + HOUR)
        await clock.advance(HOUR)
    assert ended == [START + HOUR + 20 * SECOND]


async def test_leaving_the_scheduler_cancels_who_sleeps_too_long(clock: VirtualClock) -> None:
    cancelled: list[datetime] = []

    async def nap() -> None:
        try:
            await clock.sleep(HOUR)
        finally:
            cancelled.append(clock.now())

    async with open_scheduler(callback_map={"nap": nap}, shutdown_timeout=MINUTE) as scheduler:
        await scheduler.add_task("nap")
        await clock.advance(SECOND)
    assert cancelled == [START + SECOND + MINUTE]


async def test_leaving_the_scheduler_cancels_who_waits_for_ever() -> None:
    cancelled: list[datetime] = []

    async def stick() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(clock.now())

    async with (
        virtual_clock(patience=timedelta(milliseconds=500)) as clock,
        open_scheduler(callback_map={"stick": stick}) as scheduler,
    ):
        await scheduler.add_task("stick")
        with pytest.raises(RuntimeError, match="nothing has happened"):
            await clock.advance(SECOND)
    assert len(cancelled) == 1


async def test_leaving_one_scheduler_lets_no_time_pass_for_others(
    clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary
) -> None:
    await scheduler.add_task("write", run_at=START + HOUR)
    async with open_scheduler(callback_map={"write": diary.write}) as other:
        await other.add_task("write", run_at=START + HOUR)
    assert clock.now() == START
    assert diary.entries == []
