"""Cron expressions: which local times they mean.

cronsim reads them like Debian's cron. What it accepts and Debian's cron does not is refused here.
"""

import re
from collections.abc import Iterator
from copy import copy
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cronsim import CronSim, CronSimError
from cronsim.cronsim import Field

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = {
    Field.MINUTE: ("minute", "0-59"),
    Field.HOUR: ("hour", "0-23"),
    Field.DAY: ("day", "1-31, L or LW"),
    Field.MONTH: ("month", "1-12 or jan-dec"),
    Field.DOW: ("weekday", "0-7, sun-sat, 5L or fri#2"),
}
_STEP_WITHOUT_RANGE = re.compile(r"(?:^|,)\w+/")
_STEPPED_RANGE = re.compile(r"\b(\w+)-(\w+)/\d+")

_ANY_START = datetime(2000, 1, 1)


class Expression(NamedTuple):
    """A cron expression, read.

    Attributes:
        search: where to search from; it is copied for each search.
        elapsed: whether it runs whenever clocks show it, and not once for each time of day.
    """

    search: CronSim
    elapsed: bool

    def after(self, local: datetime) -> Iterator[datetime]:
        """The matching local times, all naive, from the first one later than `local` on."""
        search = copy(self.search)  # several times faster than to parse again
        search.dt = local.replace(microsecond=0)
        return search


@lru_cache(maxsize=1024)
def parse(expression: str) -> Expression:
    """Read five fields, or an alias of them.

    Raises:
        ValueError: that is no cron expression, or one that never comes.
    """
    fields = _ALIASES.get(expression.lower(), expression).split()
    if expression.startswith("@") and len(fields) == 1:
        raise ValueError(f"cron must have five fields or be one of {', '.join(_ALIASES)}, not {expression!r}")
    if len(fields) != len(_FIELDS):
        names = " ".join(name for name, _ in _FIELDS.values())
        raise ValueError(f"cron must have five fields ({names}), not {len(fields)}: {expression!r}")
    text = " ".join(_checked(kind, field, expression) for kind, field in zip(_FIELDS, fields, strict=True))
    try:
        search = CronSim(text, _ANY_START)
        next(copy(search))
    except (CronSimError, StopIteration):  # each field can be, but not all of them at once
        raise ValueError(f"cron {expression!r} never comes") from None
    return Expression(search, elapsed=fields[0].startswith("*") or fields[1].startswith("*"))


def _checked(kind: Field, field: str, expression: str) -> str:
    """The field as cronsim is to read it; refuses what it accepts and Debian's cron does not."""
    name, allowed = _FIELDS[kind]
    if _STEP_WITHOUT_RANGE.search(field):
        raise ValueError(f"cron has the {name} {field!r}, a step without range; say '*/2' or '1-5/2': {expression!r}")
    try:
        if not field.isascii():
            raise CronSimError
        # cronsim reads 4-4/3 as "from 4 on", so a range of one value loses its step.
        plain = _STEPPED_RANGE.sub(lambda range_: _without_idle_step(kind, range_), field.upper())
        kind.parse(plain)
    except (CronSimError, ValueError):  # ValueError: thousands of digits
        raise ValueError(f"cron has the {name} {field!r}, which must be * or from {allowed}: {expression!r}") from None
    return plain


def _without_idle_step(kind: Field, stepped: re.Match[str]) -> str:
    return stepped[1] if kind.int(stepped[1]) == kind.int(stepped[2]) else stepped[0]
