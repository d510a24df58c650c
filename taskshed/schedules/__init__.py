"""When a task runs next: pure values, no clock and no I/O.

`Interval` and `Cron` are schedules: `next_after` an instant tells the next one.
"""

from taskshed.schedules._cron import Cron
from taskshed.schedules._interval import Interval
from taskshed.schedules._occurrences import Schedule

__all__ = ["Cron", "Interval", "Schedule"]
