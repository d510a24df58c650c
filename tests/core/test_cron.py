"""When a cron expression comes next."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, reset_tzpath

import msgspec
import pytest

from taskshed.schedules import Cron, Interval

START = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday


def shown(cron: Cron, start: datetime, number: int) -> str:
    """The next occurrences, as clocks in the schedule's zone show them."""
    times = []
    at: datetime | None = start
    for _ in range(number):
        assert at is not None
        at = cron.next_after(at)
        times.append("none" if at is None else f"{at.astimezone(ZoneInfo(cron.timezone)):%m-%d %H:%M}")
    return ", ".join(times)


SYNTAX = {
    # expression: the next three, in UTC
    "* * * * *": "01-01 00:01, 01-01 00:02, 01-01 00:03",
    "5 4 * * *": "01-01 04:05, 01-02 04:05, 01-03 04:05",
    "05 04 * * *": "01-01 04:05, 01-02 04:05, 01-03 04:05",
    "*/20 * * * *": "01-01 00:20, 01-01 00:40, 01-01 01:00",
    "*/40 * * * *": "01-01 00:40, 01-01 01:00, 01-01 01:40",
    "5-7 9 * * *": "01-01 09:05, 01-01 09:06, 01-01 09:07",
    "5-20/10 9 * * *": "01-01 09:05, 01-01 09:15, 01-02 09:05",
    "4-4/3 9 * * *": "01-01 09:04, 01-02 09:04, 01-03 09:04",
    "04-4/3 9 * * *": "01-01 09:04, 01-02 09:04, 01-03 09:04",
    "30,10 9,12 * * *": "01-01 09:10, 01-01 09:30, 01-01 12:10",
    "1-2,50-59/9 9 * * *": "01-01 09:01, 01-01 09:02, 01-01 09:50",
    "0 0 31 * *": "01-31 00:00, 03-31 00:00, 05-31 00:00",
    "0 0 1 feb-apr *": "02-01 00:00, 03-01 00:00, 04-01 00:00",
    "0 0 1 JAN,Dec *": "12-01 00:00, 01-01 00:00, 12-01 00:00",
    "0 0 1 */6 *": "07-01 00:00, 01-01 00:00, 07-01 00:00",
    "0 0 * * 0": "01-04 00:00, 01-11 00:00, 01-18 00:00",
    "0 0 * * 7": "01-04 00:00, 01-11 00:00, 01-18 00:00",
    "0 0 * * SUN": "01-04 00:00, 01-11 00:00, 01-18 00:00",
    "0 0 * * 5-7": "01-02 00:00, 01-03 00:00, 01-04 00:00",
    "0 0 * * 0-7": "01-02 00:00, 01-03 00:00, 01-04 00:00",
    "0 0 * * sat,sun": "01-03 00:00, 01-04 00:00, 01-10 00:00",
    "0 0 * * mon-fri/2": "01-02 00:00, 01-05 00:00, 01-07 00:00",
    "0 0 * * mon-1/3": "01-05 00:00, 01-12 00:00, 01-19 00:00",
    "0 0 13 * fri": "01-02 00:00, 01-09 00:00, 01-13 00:00",  # day or weekday, as none begins with *
    "0 0 */2 * fri": "01-09 00:00, 01-23 00:00, 02-13 00:00",  # day and weekday, as one does
    "0 0 1-7 * */5": "01-02 00:00, 01-04 00:00, 02-01 00:00",
    "0 0 1-31 * fri": "01-02 00:00, 01-03 00:00, 01-04 00:00",
    "0 0 L * *": "01-31 00:00, 02-28 00:00, 03-31 00:00",
    "0 0 15,l * *": "01-15 00:00, 01-31 00:00, 02-15 00:00",
    "0 0 LW * *": "01-30 00:00, 02-27 00:00, 03-31 00:00",
    "0 0 * * 5L": "01-30 00:00, 02-27 00:00, 03-27 00:00",
    "0 0 * * mon#2": "01-12 00:00, 02-09 00:00, 03-09 00:00",
    "0 0 * * 1#5": "03-30 00:00, 06-29 00:00, 08-31 00:00",
    "0 0 29 2 *": "02-29 00:00, 02-29 00:00, 02-29 00:00",
    "  0\t0 *  * * ": "01-02 00:00, 01-03 00:00, 01-04 00:00",
    "@hourly": "01-01 01:00, 01-01 02:00, 01-01 03:00",
    "@daily": "01-02 00:00, 01-03 00:00, 01-04 00:00",
    "@midnight": "01-02 00:00, 01-03 00:00, 01-04 00:00",
    "@weekly": "01-04 00:00, 01-11 00:00, 01-18 00:00",
    "@monthly": "02-01 00:00, 03-01 00:00, 04-01 00:00",
    "@yearly": "01-01 00:00, 01-01 00:00, 01-01 00:00",
    "@Annually": "01-01 00:00, 01-01 00:00, 01-01 00:00",
}


@pytest.mark.parametrize(("expression", "expected"), SYNTAX.items(), ids=SYNTAX)
def test_an_expression_means(expression: str, expected: str) -> None:
    assert shown(Cron(expression), START, 3) == expected


def test_leap_days_come_in_leap_years_only() -> None:
    assert Cron("0 0 29 2 *").next_after(datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, tzinfo=UTC)
    # The 29th of February was a Sunday in 2088 and will be one again in 2128.
    assert Cron("0 0 29 2 */7").next_after(datetime(2089, 1, 1, tzinfo=UTC)) == datetime(2128, 2, 29, tzinfo=UTC)


INSTANTS = {
    # start, next of "30 * * * *"
    "on an occurrence": (datetime(2026, 1, 1, 0, 30, tzinfo=UTC), datetime(2026, 1, 1, 1, 30, tzinfo=UTC)),
    "a microsecond before": (
        datetime(2026, 1, 1, 0, 29, 59, 999_999, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
    ),
    "a microsecond after": (
        datetime(2026, 1, 1, 0, 30, 0, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 1, 30, tzinfo=UTC),
    ),
    "in another zone": (
        datetime(2026, 1, 1, 0, 15, tzinfo=timezone(timedelta(hours=14))),
        datetime(2025, 12, 31, 10, 30, tzinfo=UTC),
    ),
    "before 1970": (datetime(1950, 1, 1, tzinfo=UTC), datetime(1950, 1, 1, 0, 30, tzinfo=UTC)),
    "the first of all": (datetime.min.replace(tzinfo=UTC), datetime(1, 1, 3, 0, 30, tzinfo=UTC)),
    "the last but one": (
        datetime(9999, 12, 31, 23, 29, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 30, tzinfo=UTC),
    ),
}


@pytest.mark.parametrize(("start", "expected"), INSTANTS.values(), ids=INSTANTS)
def test_next_is_later_than_the_start(start: datetime, expected: datetime) -> None:
    found = Cron("30 * * * *").next_after(start)
    assert found == expected
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("offset", [-12, 0, 14])
@pytest.mark.parametrize("expression", ["0 0 1 1 *", "*/7 * * * *", "30 2 * * *"])
def test_there_is_none_after_the_year_9999(expression: str, offset: int, zone: str) -> None:
    cron = Cron(expression, timezone=zone)
    at: datetime | None = datetime(9999, 12, 31, 9, tzinfo=UTC)
    for _ in range(200):
        at = None if at is None else cron.next_after(at)
    assert at is None
    assert cron.next_after(datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))) is None
    found = cron.next_after(datetime.min.replace(tzinfo=timezone(timedelta(hours=offset))))
    assert found is None or found.year <= 2


def test_threads_can_share_a_schedule() -> None:
    cron, starts = Cron("0 9-17 1-7 */2 mon"), [START + timedelta(days=n) for n in range(1000)]
    expected = [cron.next_after(start) for start in starts]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(cron.next_after, starts)) == expected
    finally:
        sys.setswitchinterval(before)


def test_a_schedule_is_a_value() -> None:
    assert Cron(" @daily ") == Cron("@daily", timezone="UTC")
    assert Cron("@daily") != Cron("@daily", timezone="Europe/Berlin")
    assert len({Cron("@daily"), Cron("@daily"), Cron("0 0 * * *")}) == 2
    with pytest.raises(AttributeError):
        Cron("@daily").expression = "@hourly"  # type: ignore[misc]


@pytest.mark.parametrize("schedule", [Cron("30 2 * * *", timezone="Europe/Berlin"), Interval(timedelta(minutes=5))])
def test_a_schedule_goes_through_json(schedule: Cron | Interval) -> None:
    text = msgspec.json.encode(schedule)
    assert msgspec.json.decode(text, type=Cron | Interval) == schedule


def test_json_is_plain() -> None:
    text = b'{"type":"cron","expression":"@daily","timezone":"Europe/Berlin"}'
    assert msgspec.json.encode(Cron("@daily", timezone="Europe/Berlin")) == text


@pytest.fixture
def zone_data(tmp_path: Path) -> Iterator[Path]:
    """A folder that zone data is read from; what was there before the test is restored."""
    before = TZPATH
    reset_tzpath(to=[str(tmp_path)])
    ZoneInfo.clear_cache()
    yield tmp_path
    reset_tzpath(to=before)
    ZoneInfo.clear_cache()


def test_new_zone_data_counts(zone_data: Path) -> None:
    at_noon, place = START + timedelta(hours=12), zone_data / "Mars" / "Base"
    place.parent.mkdir()
    for zone, hour in (("Etc/GMT-1", 11), ("Etc/GMT+3", 15)):
        place.write_bytes(_fixed_offset_data(zone))
        ZoneInfo.clear_cache()
        found = Cron("0 12 * * *", timezone="Mars/Base").next_after(START)
        assert found == at_noon.replace(hour=hour)


def _fixed_offset_data(zone: str) -> bytes:
    """Zone data of version 2 without transitions: the offset stands in the TZ string at the end."""
    hours = int(zone.removeprefix("Etc/GMT"))
    local_time = (-hours * 3600).to_bytes(4, "big", signed=True) + bytes(2)
    counts = b"".join(count.to_bytes(4, "big") for count in (0, 0, 0, 0, 1, 4))
    block = b"TZif2" + bytes(15) + counts + local_time + b"LMT\0"
    return block + block + f"\n<LMT>{hours}\n".encode()
