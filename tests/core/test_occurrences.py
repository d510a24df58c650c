"""Occurrences as numbers, against walking from one to the next."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from taskshed._clock import duration_micros, from_micros, to_micros
from taskshed.schedules import Cron, Interval, Schedule
from taskshed.schedules._occurrences import count, first_after, latest, put_off

LAST = to_micros(datetime.max.replace(tzinfo=UTC))
HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
SPRING = to_micros(datetime(2030, 3, 31, 1, tzinfo=UTC))  # clocks in Berlin are set forward
SCHEDULES: dict[str, Schedule] = {
    "a microsecond": Interval(timedelta.resolution),
    "7 microseconds": Interval(timedelta(microseconds=7)),
    "90 seconds": Interval(timedelta(seconds=90)),
    "100 days": Interval(timedelta(days=100)),
    "each minute": Cron("* * * * *"),
    "each quarter of an hour": Cron("*/15 * * * *", "Europe/Berlin"),
    "half past two": Cron("30 2 * * *", "Europe/Berlin"),
    "weekdays": Cron("0 9,17 * * mon-fri", "America/New_York"),
    "leap days": Cron("0 0 29 2 *"),
}
by_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
CRONS = {name: schedule for name, schedule in SCHEDULES.items() if isinstance(schedule, Cron)}


def each(micros: int) -> Interval:
    return Interval(timedelta(microseconds=micros))


def walk(schedule: Schedule, at: int, steps: int) -> list[int]:
    """An occurrence and those that follow it."""
    found, moment = [at], from_micros(at)
    for _ in range(steps):
        following = schedule.next_after(moment)
        if following is None:
            break
        moment = following
        found.append(to_micros(moment))
    return found


def starts(schedule: Schedule, seed: int) -> tuple[Random, int]:
    """An occurrence of the schedule, near a clock change."""
    random = Random(f"{seed} {schedule}")
    at = SPRING + random.randint(-3 * DAY, 3 * DAY)
    following = schedule.next_after(from_micros(at))
    assert following is not None
    return random, to_micros(following)


def near(random: Random, points: list[int]) -> int:
    """An instant at one of these or beside it."""
    return random.choice(points) + random.choice([-1, 0, 0, 1, random.randint(-DAY, DAY)])


FIRSTS: dict[str, tuple[int, int, int, int]] = {
    # occurrence, interval, instant, expected
    "the occurrence itself": (100, 10, 100, 110),
    "right before the next": (100, 10, 109, 110),
    "exactly the next": (100, 10, 110, 120),
    "right after the next": (100, 10, 111, 120),
    "much later": (100, 10, 100_005, 100_010),
    "before the occurrence": (100, 10, -5000, 110),
    "before 1970": (-105, 10, -100, -95),
    "across 1970": (-105, 10, 0, 5),
    "each microsecond": (0, 1, 5, 6),
    "exact where floats are not": (LAST - 9, 3, LAST - 4, LAST - 3),
    "the last microsecond": (LAST - 1, 1, LAST - 1, LAST),
}


@pytest.mark.parametrize(("at", "every", "instant", "expected"), FIRSTS.values(), ids=FIRSTS)
def test_the_first_after(at: int, every: int, instant: int, expected: int) -> None:
    assert first_after(each(every), at, instant) == expected


@by_schedule
@pytest.mark.parametrize("seed", range(3))
def test_the_first_after_is_later_on_the_grid_and_skips_none(seed: int, schedule: Schedule) -> None:
    random, at = starts(schedule, seed)
    points = walk(schedule, at, 40)
    for _ in range(40):
        instant = min(near(random, points), points[-1] - 1)
        expected = next(point for point in points if point > max(at, instant))
        assert first_after(schedule, at, instant) == expected


@by_schedule
@pytest.mark.parametrize("seed", range(3))
def test_the_latest_is_where_walking_ends(seed: int, schedule: Schedule) -> None:
    random, at = starts(schedule, seed)
    points = walk(schedule, at, 40)
    for _ in range(40):
        until = min(near(random, points), points[-1])
        assert latest(schedule, at, until) == max((point for point in points if point <= until), default=at)


@by_schedule
@pytest.mark.parametrize("seed", range(3))
def test_a_count_is_how_far_one_walks(seed: int, schedule: Schedule) -> None:
    random, at = starts(schedule, seed)
    points = walk(schedule, at, 40)
    for _ in range(40):
        end = min(near(random, points), points[-1])
        assert count(schedule, at, end) == sum(point < end for point in points)


COUNTS: dict[str, tuple[Schedule, int, int]] = {
    # schedule, how long from an occurrence at midnight, expected
    "interval, nothing": (each(10), 0, 0),
    "interval, backwards": (each(10), -25, 0),
    "interval, the first alone": (each(10), 1, 1),
    "interval, before the second": (each(10), 10, 1),
    "interval, after the second": (each(10), 11, 2),
    "interval, a million": (each(10), 10_000_000, 1_000_000),
    "cron, nothing": (Cron("* * * * *"), 0, 0),
    "cron, backwards": (Cron("* * * * *"), -HOUR, 0),
    "cron, an hour": (Cron("* * * * *"), HOUR, 60),
    "cron, right after an hour": (Cron("* * * * *"), HOUR + 1, 61),
    "cron, 999": (Cron("* * * * *"), 999 * HOUR // 60, 999),
    "cron, 1000": (Cron("* * * * *"), 1000 * HOUR // 60, 1000),
    "cron, more than are counted": (Cron("* * * * *"), 30 * DAY, 1000),
}


@pytest.mark.parametrize(("schedule", "length", "expected"), COUNTS.values(), ids=COUNTS)
def test_there_are(schedule: Schedule, length: int, expected: int) -> None:
    midnight = to_micros(datetime(2030, 1, 1, tzinfo=UTC))
    assert count(schedule, midnight, midnight + length) == expected


@pytest.mark.parametrize("schedule", CRONS.values(), ids=CRONS)
def test_centuries_after_the_latest_is_followed_by_nothing_until_then(schedule: Cron) -> None:
    _, at = starts(schedule, 0)
    for until in (to_micros(datetime(2500, 7, 1, 12, 34, 56, tzinfo=UTC)), LAST):
        found = latest(schedule, at, until)
        following = schedule.next_after(from_micros(found))
        assert at < found <= until
        assert following is None or to_micros(following) > until
        assert schedule.next_after(from_micros(found - 1)) == from_micros(found)


@by_schedule
def test_after_the_year_9999_there_is_none(schedule: Schedule) -> None:
    found = latest(schedule, SPRING, LAST)
    assert first_after(schedule, found, found) is None
    assert first_after(schedule, SPRING, LAST) is None
    assert latest(schedule, found, LAST) == found
    assert count(schedule, found, LAST + 1) == 1


def test_the_longest_interval_has_no_second_occurrence() -> None:
    assert duration_micros(timedelta.max) > LAST
    assert first_after(Interval(timedelta.max), 0, 0) is None
    assert latest(Interval(timedelta.max), 0, LAST) == 0


DELAYS: dict[str, tuple[int, float, int, int]] = {
    # jitter, chance, latest start, expected delay of a run at 1000
    "no chance": (100, 0, 2000, 0),
    "half a chance": (100, 0.5, 2000, 50),
    "all chance": (100, 1, 2000, 100),
    "no jitter": (0, 1, 2000, 0),
    "a late bound": (100, 1, 1100, 100),
    "a bound": (100, 1, 1099, 99),
    "half a chance under a bound": (100, 0.5, 1099, 50),
    "half a chance over a bound": (100, 0.5, 1049, 49),
    "bound to its time": (100, 1, 1000, 0),
    "bound to before its time": (100, 1, 900, 0),
}


@pytest.mark.parametrize(("jitter", "chance", "latest_start", "expected"), DELAYS.values(), ids=DELAYS)
def test_a_run_is_put_off_by(jitter: int, chance: float, latest_start: int, expected: int) -> None:
    assert put_off(1000, jitter, chance, latest_start) == expected
