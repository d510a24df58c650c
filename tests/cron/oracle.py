"""When an expression comes around an instant, found by looking at the clocks at every minute."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cron.expressions import Meaning

AROUND = timedelta(hours=30)
MINUTE = timedelta(minutes=1)

Reading = tuple[int, int, date]  # what clocks show: minute, hour, date


class Look(NamedTuple):
    """What clocks show at an instant, whether for the first time, and what they left out just before."""

    instant: datetime
    shown: Reading
    is_first: bool
    left_out: list[Reading]


@lru_cache(maxsize=100)  # more than the changes of a zone, while those of all zones would fill the memory
def looks(zone: str, around: datetime) -> list[Look]:
    """A look at every minute from AROUND before an instant to AROUND after it."""
    taken = []
    last: datetime | None = None
    for n in range(-(AROUND // MINUTE), AROUND // MINUTE + 1):
        instant = around + n * MINUTE
        local = instant.astimezone(ZoneInfo(zone))
        shown = local.replace(tzinfo=None, fold=0)
        ahead = 0 if last is None else (shown - last) // MINUTE
        left_out = [_reading(shown - back * MINUTE) for back in range(1, ahead)]
        taken.append(Look(instant, _reading(shown), local.fold == 0, left_out))
        last = shown
    return taken


def occurrences(meaning: Meaning, zone: str, around: datetime) -> list[datetime]:
    """All from AROUND before an instant to AROUND after it."""
    seen = looks(zone, around)
    dates = {look.shown[2] for look in seen} | {reading[2] for look in seen for reading in look.left_out}
    days = {day for day in dates if meaning.has_day(day)}

    def matches(reading: Reading) -> bool:
        minute, hour, day = reading
        return minute in meaning.minutes and hour in meaning.hours and day in days

    if meaning.is_elapsed_time():
        return [look.instant for look in seen if matches(look.shown)]
    return [
        look.instant
        for look in seen
        if (look.is_first and matches(look.shown)) or any(map(matches, look.left_out))
    ]  # fmt: skip


def _reading(local: datetime) -> Reading:
    return local.minute, local.hour, local.date()
