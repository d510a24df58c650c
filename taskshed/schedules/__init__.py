"""When a task runs next: pure functions of instants, no clock and no I/O."""

from taskshed.schedules._interval import next_on_grid

__all__ = ["next_on_grid"]
