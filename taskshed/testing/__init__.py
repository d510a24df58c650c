"""For tests of programs that schedule, and of datastores.

`ManualClock` is a time that only you turn; `taskshed.testing.conformance` is the suite that every datastore passes.
"""

from taskshed.testing._manual_clock import ManualClock

__all__ = ["ManualClock"]
