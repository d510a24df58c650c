"""A clock that only the test turns: what is due runs at its own time, and has run when the call returns."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import anyio
import pytest
from testing.conftest import Diary

from taskshed import current_occurrence, open_scheduler, open_worker
from taskshed.datastores import InMemoryDataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.testing import VirtualClock, virtual_clock

pytestmark = pytest.mark.anyio

START = datetime(2030, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def test_a_year_of_hourly_runs(clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary) -> None:
    await scheduler.add_task("write", run_at=START, interval=HOUR)
    await clock.advance(365 * DAY)
    assert diary.times == [START + n * HOUR for n in range(365 * 24 + 1)]
    assert set(diary.late) == {timedelta(0)}
    assert clock.now() == START + 365 * DAY


async def test_a_day_of_one_second_runs(clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary) -> None:
    await scheduler.add_task("write", run_at=START, interval=SECOND)
    await clock.advance(DAY)
    assert diary.times == [START + n * SECOND for n in range(86_401)]


async def test_nothing_runs_before_its_time(clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary) -> None:
    await scheduler.add_task("write", run_at=START + HOUR)
    await clock.advance(HOUR - timedelta.resolution)
    assert diary.entries == []
    await clock.advance(timedelta.resolution)
    assert diary.times == [START + HOUR]


async def test_many_tasks_run_in_order_whatever_the_loop(
    clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary
) -> None:
    names = ["c", "a", "b", "e", "d"]
    for name in names:  # all of one instant, in the order in which they were added
        await scheduler.add_task("write", run_at=START + DAY, kwargs={"name": name}, interval=DAY)
    for hours in (3, 1, 2):
        await scheduler.add_task("write", run_at=START + hours * HOUR, kwargs={"name": f"{hours}"})
    await clock.advance(3 * DAY)
    assert diary.entries == [
        *((f"{hours}", START + hours * HOUR) for hours in (1, 2, 3)),
        *((name, START + days * DAY) for days in (1, 2, 3) for name in names),
    ]


async def test_what_a_callback_schedules_runs_in_the_same_advance(clock: VirtualClock) -> None:
    seen: list[datetime] = []

    async def chain(left: int) -> None:
        seen.append(clock.now())
        if left:
            await scheduler.add_task("chain", run_at=clock.now() + HOUR, kwargs={"left": left - 1})

    async with open_scheduler(callback_map={"chain": chain}) as scheduler:
        await scheduler.add_task("chain", kwargs={"left": 5})
        await clock.advance(10 * HOUR)
        assert seen == [START + n * HOUR for n in range(6)]


async def test_advancing_to_an_instant_of_any_zone(clock: VirtualClock, scheduler: AsyncScheduler) -> None:
    await clock.advance_to(datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    assert (clock.now(), clock.now().tzinfo) == (START + 10 * HOUR, UTC)
    await clock.advance_to(clock.now())
    assert clock.now() == START + 10 * HOUR


async def test_without_anybody_waiting_time_just_passes(clock: VirtualClock) -> None:
    await clock.advance(1000 * DAY)
    await clock.advance(timedelta(0))
    assert clock.now() == START + 1000 * DAY


BAD_TURNS = {
    "advance by nothing": ("advance", 5, TypeError, "duration must be a timedelta, not 5"),
    "back": ("advance", -SECOND, ValueError, "time does not go back"),
    "to no instant": ("advance_to", "noon", TypeError, "instant must be a datetime, not 'noon'"),
    "to a naive instant": ("advance_to", datetime(2030, 1, 2), ValueError, "instant must have a time zone"),
    "to the past": ("advance_to", START - SECOND, ValueError, "time does not go back from 2030-01-01 00:00:00"),
}


@pytest.mark.parametrize(("name", "argument", "kind", "message"), BAD_TURNS.values(), ids=BAD_TURNS)
async def test_it_cannot_be_turned(
    clock: VirtualClock, name: str, argument: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        await getattr(clock, name)(argument)
    assert clock.now() == START


async def test_it_begins_where_one_says() -> None:
    async with virtual_clock(datetime(2026, 3, 29, tzinfo=UTC)) as clock:
        assert clock.now() == datetime(2026, 3, 29, tzinfo=UTC)
        assert repr(clock) == "<VirtualClock 2026-03-29 00:00:00+00:00>"
    with pytest.raises(ValueError, match="start must have a time zone"):
        async with virtual_clock(datetime(2026, 3, 29)):
            raise AssertionError


async def test_several_schedulers_and_workers_share_it(clock: VirtualClock) -> None:
    seen: list[tuple[str, datetime]] = []

    async def one() -> None:
        seen.append(("one", clock.now()))

    async def other() -> None:
        seen.append(("other", clock.now()))

    store = InMemoryDataStore()
    async with (
        open_scheduler(callback_map={"one": one}) as mine,
        open_scheduler(store) as theirs,
        open_worker(store, {"other": other}),
        open_worker(store, {"other": other}, polling_interval=timedelta(minutes=7)),
    ):
        await mine.add_task("one", run_at=START + MINUTE, interval=2 * HOUR)
        await theirs.add_task("other", run_at=START + HOUR, interval=2 * HOUR)
        await clock.advance(4 * HOUR)
    expected = [("one", 0), ("other", 1), ("one", 2), ("other", 3), ("one", 4)]
    assert [(name, when.hour) for name, when in seen][:4] == expected[:4]


async def test_a_polling_worker_polls(clock: VirtualClock, diary: Diary) -> None:
    store = InMemoryDataStore()
    async with (
        open_scheduler(store) as scheduler,
        open_worker(store, {"write": diary.write}, polling_interval=timedelta(seconds=10)),
    ):
        await clock.advance(timedelta(seconds=5))
        await scheduler.add_task("write", run_at=START + timedelta(seconds=11))
        await clock.advance(MINUTE)
    assert diary.times == [START + timedelta(seconds=20)]


async def test_tasks_just_started_are_let_go_first(
    clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary
) -> None:
    async def add() -> None:
        await scheduler.add_task("write", run_at=START + HOUR)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(add)
        await clock.advance(2 * HOUR)
        assert diary.times == [START + HOUR]


async def test_cron_follows_the_clocks_of_its_zone(
    clock: VirtualClock, scheduler: AsyncScheduler, diary: Diary
) -> None:
    await clock.advance_to(datetime(2030, 3, 30, tzinfo=UTC))
    await scheduler.add_task("write", cron="30 2 * * *", timezone="Europe/Berlin")
    await clock.advance(3 * DAY)
    # On the 31st, clocks go from 02:00 to 03:00.
    assert [f"{when:%d %H:%M}" for when in diary.times] == ["30 01:30", "31 01:00", "01 00:30"]


async def test_the_machines_clock_is_back_after_the_block() -> None:
    async with virtual_clock() as clock:
        await clock.advance(HOUR)
    ran = anyio.Event()

    async def ring() -> None:
        assert abs(current_occurrence().run_at - datetime.now(UTC)) < HOUR
        ran.set()

    async with open_scheduler(callback_map={"ring": ring}) as scheduler:
        await scheduler.add_task("ring")
        with anyio.fail_after(5):
            await ran.wait()


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_a_file_goes_by_it_too(clock: VirtualClock, diary: Diary, tmp_path: Path, driver: str) -> None:
    async with open_scheduler(f"{driver}:///{tmp_path}/tasks.db", callback_map={"write": diary.write}) as scheduler:
        await scheduler.add_task("write", run_at=START, interval=HOUR)
        await clock.advance(24 * HOUR)
        assert diary.times == [START + n * HOUR for n in range(25)]


@pytest.mark.parametrize("url", ["redis://localhost:1", "postgresql://localhost:1/x", "mysql://localhost:1/x"])
async def test_a_server_that_tells_its_own_time_is_refused(clock: VirtualClock, url: str) -> None:
    with pytest.raises(RuntimeError, match="DataStore goes by its server's time, which no virtual clock turns"):
        async with open_scheduler(url):
            raise AssertionError
