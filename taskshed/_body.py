"""The part of a task that its datastore does not look into: what to call and how it repeats, as JSON.

It changes only when the task is replaced.
"""

from datetime import datetime, timedelta

import msgspec

from taskshed._clock import to_micros
from taskshed.models import Overlap, RetryPolicy
from taskshed.schedules import Schedule
from taskshed.schedules._occurrences import LAST_INSTANT

NO_ARGUMENTS = msgspec.Raw(b"{}")


class Body(msgspec.Struct, omit_defaults=True, frozen=True):
    """What is in it; a one-off has no schedule.

    Fields added later need a default, so that bodies written earlier still decode.
    """

    callback: str
    kwargs: msgspec.Raw = NO_ARGUMENTS
    schedule: Schedule | None = None
    coalesce: bool = True
    misfire_grace: timedelta | None = None
    overlap: Overlap = "skip"
    jitter: timedelta | None = None
    end_at: datetime | None = None
    max_runs: int | None = None
    fixed_delay: bool = False
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None
    occurrence_of: str | None = None

    @property
    def last(self) -> int:
        """The last wall instant that may be an occurrence."""
        return LAST_INSTANT if self.end_at is None else to_micros(self.end_at)

    def text(self) -> str:
        """As it is stored."""
        return _encoder.encode(self).decode()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Body)


def body_of(text: str) -> Body:
    """Decode a stored body.

    Raises:
        Exception: it is not what TaskShed writes.
    """
    return _decoder.decode(text)
