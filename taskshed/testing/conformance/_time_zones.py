"""Time zones: what counts is the instant, whatever clock on a wall it was read from."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from taskshed.datastores import DataStore
from taskshed.datastores.commands import Everything
from taskshed.testing.conformance._builders import add, claim, due_task, fetch_only, ids, later_task

OFFSETS = [
    timedelta(hours=14),
    timedelta(hours=5, minutes=45),
    timedelta(seconds=1, microseconds=1),
    timedelta(hours=-3, minutes=-30),
    timedelta(hours=-12),
]
NOON = datetime(2150, 6, 1, 12, 0, 0, 123456)


class TimeZonesConformance:
    @pytest.mark.parametrize("offset", OFFSETS, ids=str)
    async def test_run_at_in_any_zone_is_the_same_instant(self, datastore: DataStore, offset: timedelta) -> None:
        moment = NOON.replace(tzinfo=timezone(offset))
        await add(datastore, later_task("a", run_at=moment))
        assert (await fetch_only(datastore, "a")).run_at == moment

    @pytest.mark.parametrize("offset", OFFSETS, ids=str)
    async def test_paused_at_in_any_zone_is_the_same_instant(self, datastore: DataStore, offset: timedelta) -> None:
        moment = NOON.replace(tzinfo=timezone(offset))
        await add(datastore, later_task("a", paused=True, paused_at=moment))
        assert (await fetch_only(datastore, "a")).paused_at == moment

    async def test_times_come_back_in_utc(self, datastore: DataStore) -> None:
        moment = NOON.replace(tzinfo=timezone(timedelta(hours=2)))
        await add(datastore, later_task("a", run_at=moment, paused=True, paused_at=moment))
        task = await fetch_only(datastore, "a")
        assert task.paused_at is not None
        for time in (task.run_at, task.paused_at):
            assert time.tzinfo is UTC
            assert time.replace(tzinfo=None) == NOON - timedelta(hours=2)

    async def test_a_naive_run_at_is_local_time(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a", run_at=NOON))
        assert (await fetch_only(datastore, "a")).run_at == NOON.astimezone()

    async def test_both_passes_of_a_repeated_hour_are_kept_apart(self, datastore: DataStore) -> None:
        twice = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
        await add(datastore, due_task("second", run_at=twice.replace(fold=1)), due_task("first", run_at=twice))
        first, second = await datastore.fetch(Everything())
        assert ids((first, second)) == ["first", "second"]
        assert second.run_at - first.run_at == timedelta(hours=1)

    async def test_due_order_is_by_instant_not_by_wall_clock(self, datastore: DataStore) -> None:
        past = NOON.replace(year=2005)
        await add(
            datastore,
            due_task("third", run_at=past.replace(hour=10, tzinfo=timezone(timedelta(hours=-8)))),
            due_task("first", run_at=past.replace(hour=14, tzinfo=timezone(timedelta(hours=9)))),
            due_task("second", run_at=past.replace(hour=12, tzinfo=UTC)),
        )
        assert ids(await datastore.fetch(Everything())) == ["first", "second", "third"]
        assert ids(await claim(datastore)) == ["first", "second", "third"]
