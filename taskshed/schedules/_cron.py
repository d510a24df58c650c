"""Cron schedules: which local times match is cronsim's part, when they come in a time zone is ours.

cronsim reads expressions like Debian's cron. Only its search through a calendar without time zones is used: with
one it returns times that are not after the start when clocks were set back, and changes minutes where they move
by an odd amount.

Clock changes are met like Debian's cron does. An expression whose minute or hour begins with `*` runs in elapsed
time: whenever the local time matches. Any other means a time of day and has one run for it: at the first of two
times when clocks are set back, and right after the jump when they are set forward over it.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import force_setattr

from taskshed._clock import aware
from taskshed.schedules._expressions import Expression, parse

_FIRST_INSTANT = datetime(1, 1, 3, tzinfo=UTC)  # so that no local time on the way lies before the year 1
_END = datetime.max.replace(tzinfo=UTC)


class Cron(msgspec.Struct, frozen=True, tag="cron"):
    """At the minutes that a cron expression names, on the clocks of a time zone.

    As in Debian's cron, a day must match both the day and the weekday if one of them begins with `*`, and either
    of them otherwise; `L`, `LW`, `5L` and `fri#2` are the last day and the last one from Monday to Friday of
    a month, its last and its second Friday. A time that clocks skip runs right after they were set forward, one
    that comes twice runs the first time; but if minute or hour begins with `*`, whenever clocks show it.

    Attributes:
        expression: minute, hour, day, month and weekday; or @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
            @annually.
        timezone: IANA name of the time zone.

    Raises:
        TypeError, ValueError: the expression or the zone is none, or the expression never comes.
    """

    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if not isinstance(self.expression, str):
            raise TypeError(f"cron must be a str such as '30 2 * * *', not {self.expression!r}")
        force_setattr(self, "expression", self.expression.strip())
        parse(self.expression)
        _zone(self.timezone)

    def next_after(self, instant: datetime) -> datetime | None:
        """The first occurrence later than `instant`, in UTC; None if that is after the year 9999.

        Raises:
            TypeError, ValueError: `instant` is no datetime, or has no time zone.
        """
        parsed, zone = parse(self.expression), _zone(self.timezone)
        try:
            start = max(aware("instant", instant).astimezone(UTC), _FIRST_INSTANT)
            return (_next_in_elapsed_time if parsed.elapsed else _next_time_of_day)(parsed, zone, start)
        except OverflowError:
            return None

    def local(self, instant: datetime) -> datetime:
        """What clocks show at `instant`."""
        return instant.astimezone(_zone(self.timezone))


def _zone(name: str) -> tzinfo:
    """The zone as the data has it now; zoneinfo keeps what it has read."""
    if not isinstance(name, str):
        raise TypeError(f"timezone must be a str such as 'Europe/Berlin', not {name!r}")
    try:
        return UTC if name == "UTC" else ZoneInfo(name)  # UTC needs no data, which small containers lack
    except (KeyError, ValueError, OSError):  # OSError: a folder, or a name longer than the file system allows
        raise ValueError(f"timezone must be an IANA name such as 'Europe/Berlin', not {name!r}") from None


def _next_time_of_day(parsed: Expression, zone: tzinfo, instant: datetime) -> datetime | None:
    for local in parsed.after(_naive(instant.astimezone(zone))):
        at = _instant(local, zone, fold=0) or _end_of_gap(local, zone)
        if at > instant:
            return at
    return None


def _next_in_elapsed_time(parsed: Expression, zone: tzinfo, instant: datetime) -> datetime | None:
    now = instant.astimezone(zone)
    # In the first pass of a time that comes twice, this is how far clocks will be set back; else it is nothing.
    to_repeat = now.replace(fold=1).astimezone(UTC) - instant
    found = _END
    for local in parsed.after(_naive(now) - to_repeat):
        comings = (_instant(local, zone, fold) for fold in (0, 1))
        found = min(found, *(at for at in comings if at is not None and at > instant), _END)
        if found < _END and local > _naive(now):
            return found
    return None


def _naive(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)


def _instant(local: datetime, zone: tzinfo, fold: int) -> datetime | None:
    """When clocks show a naive local time, the first or the second time; None if they skip it."""
    at = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return at if _naive(at.astimezone(zone)) == local else None


def _end_of_gap(local: datetime, zone: tzinfo) -> datetime:
    """When clocks jump over a naive local time that they skip."""
    # PEP 495: in a gap, fold=1 stands for an instant before the jump and fold=0 for one after it.
    before, after = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
