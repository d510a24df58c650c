from datetime import UTC, datetime, timedelta

import msgspec

from taskshed._clock import aware


class Interval(msgspec.Struct, frozen=True, tag="interval"):
    """Again and again after the same elapsed time, whatever the clocks on the wall are set to.

    Attributes:
        every: from one occurrence to the next, more than nothing.

    Raises:
        TypeError, ValueError: `every` is no duration, or none that leads forward.
    """

    every: timedelta

    def __post_init__(self) -> None:
        if not isinstance(self.every, timedelta):
            raise TypeError(f"interval must be a timedelta, not {self.every!r}")
        if self.every <= timedelta(0):
            raise ValueError(f"interval must be positive, not {self.every!r}")

    def next_after(self, instant: datetime) -> datetime | None:
        """The occurrence that follows one at `instant`, in UTC; None if that is after the year 9999.

        Raises:
            TypeError, ValueError: `instant` is no datetime, or has no time zone.
        """
        try:
            return aware("instant", instant).astimezone(UTC) + self.every
        except OverflowError:
            return None
