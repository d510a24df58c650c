"""The occurrences of a schedule as wall instants, which is how they are stored and compared.

An interval's occurrences lie on a grid, which any of them stands for; those of a cron schedule lie where they lie.
None means that there is no such occurrence, since it would be after the year 9999.
"""

from datetime import UTC, datetime

from taskshed._clock import duration_micros, from_micros, to_micros
from taskshed.schedules._cron import Cron
from taskshed.schedules._interval import Interval

Schedule = Interval | Cron

LAST_INSTANT = to_micros(datetime.max.replace(tzinfo=UTC))
_MOST_COUNTED = 1000


def first_after(schedule: Schedule, at: int, instant: int) -> int | None:
    """The first occurrence later than `instant`, not before `at`'s successor; `at` is an occurrence."""
    if isinstance(schedule, Cron):
        found = schedule.next_after(from_micros(max(at, instant)))
        return None if found is None else to_micros(found)
    every = duration_micros(schedule.every)
    following = at + max(1, (instant - at) // every + 1) * every
    return following if following <= LAST_INSTANT else None


def latest(schedule: Schedule, at: int, until: int) -> int:
    """The last occurrence not after `until`, or `at` if no other lies between the two."""
    if isinstance(schedule, Interval):
        every = duration_micros(schedule.every)
        return at + max(0, (until - at) // every) * every
    low, high = at, until
    middle = at
    # An occurrence follows an instant by `until` if and only if the instant is before the last one; so halve. The first
    # look is at what follows `at`, for mostly nothing was missed.
    while low < high:
        following = first_after(schedule, middle, middle)
        if following is not None and following <= until:
            low = following
        elif middle == low:
            break
        else:
            high = middle
        middle = (low + high) // 2
    return low


def count(schedule: Schedule, at: int, end: int) -> int:
    """How many occurrences there are from `at`, which is one, to before `end`; of a cron schedule up to 1,000."""
    if isinstance(schedule, Interval):
        return max(0, -((at - end) // duration_micros(schedule.every)))
    number = 0
    following: int | None = at
    while following is not None and following < end and number < _MOST_COUNTED:
        following = first_after(schedule, following, following)
        number += 1
    return number


def put_off(at: int, jitter: int, chance: float, latest_start: int) -> int:
    """How much later than `at` to start: up to `jitter`, spread by `chance` from 0 to 1, not after `latest_start`."""
    return max(0, min(round(jitter * chance), latest_start - at))
