"""An interval is elapsed time: no step drifts, and no clock change moves one."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cron.zones import transitions

from taskshed.schedules import Interval

START = datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)
STEPS = 10_000

INTERVALS = {
    "a microsecond": timedelta(microseconds=1),
    "a third of a second": timedelta(microseconds=333_333),
    "7 minutes and 13 seconds": timedelta(minutes=7, seconds=13),
    "36 hours": timedelta(hours=36),
    "100 days": timedelta(days=100),
}


@pytest.mark.parametrize("every", INTERVALS.values(), ids=INTERVALS)
def test_ten_thousand_steps_do_not_drift(every: timedelta) -> None:
    interval, at = Interval(every), START
    for n in range(1, STEPS + 1):
        following = interval.next_after(at)
        assert following == START + n * every
        assert following.tzinfo is UTC
        at = following


@pytest.mark.parametrize("every", INTERVALS.values(), ids=INTERVALS)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia"])
def test_a_local_start_steps_over_clock_changes_like_one_in_utc(zone: str, every: timedelta) -> None:
    for change in transitions(zone):
        for before in (timedelta(hours=-2), timedelta(0), timedelta.resolution, timedelta(minutes=45), every):
            start = change - before
            assert Interval(every).next_after(start.astimezone(ZoneInfo(zone))) == start + every


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_after_the_year_9999_there_is_none(zone: str) -> None:
    last = datetime(9999, 12, 30, tzinfo=UTC)
    assert Interval(timedelta(hours=36)).next_after(last.astimezone(ZoneInfo(zone))) == last + timedelta(hours=36)
    assert Interval(timedelta(hours=48)).next_after(last.astimezone(ZoneInfo(zone))) is None
    assert Interval(timedelta.max).next_after(last.astimezone(ZoneInfo(zone))) is None
