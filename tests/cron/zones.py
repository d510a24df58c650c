"""Time zones whose clocks change, and when."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",  # standard time in the month of Ramadan
    "Africa/El_Aaiun",
    "America/Adak",
    "America/Anchorage",
    "America/Asuncion",
    "America/Chicago",
    "America/Denver",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/Miquelon",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",  # at midnight
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Macquarie",
    "Antarctica/Troll",  # by two hours
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Damascus",
    "Asia/Famagusta",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",  # by half an hour
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",  # summer is standard time, winter is behind it
    "Europe/Istanbul",
    "Europe/Kyiv",
    "Europe/Lisbon",
    "Europe/London",
    "Pacific/Apia",  # left out 2011-12-30
    "Pacific/Auckland",
    "Pacific/Chatham",  # at 2:45
    "Pacific/Easter",
    "Pacific/Fiji",
    "Pacific/Norfolk",
)
YEARS = (2020, 2035)
EARLIER = {"Pacific/Apia": (2011,), "Europe/Istanbul": (2015, 2016)}


@cache
def transitions(zone: str) -> tuple[datetime, ...]:
    """The instants in YEARS, and in EARLIER years, at which the zone's offset changes."""
    first, last = YEARS
    years = (*EARLIER.get(zone, ()), *range(first, last + 1))
    return tuple(instant for year in years for instant in _transitions_in(year, ZoneInfo(zone)))


def _transitions_in(year: int, zone: ZoneInfo) -> list[datetime]:
    start, hour = datetime(year, 1, 1, tzinfo=UTC), timedelta(hours=1)
    hours = (datetime(year + 1, 1, 1, tzinfo=UTC) - start) // hour
    offsets = [(start + n * hour).astimezone(zone).utcoffset() for n in range(hours + 1)]
    return [
        _bisected(start + n * hour, start + (n + 1) * hour, zone) for n in range(hours) if offsets[n] != offsets[n + 1]
    ]


def _bisected(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // timedelta(seconds=2) * timedelta(seconds=1)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
