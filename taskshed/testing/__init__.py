"""For tests of programs that schedule, and of datastores.

    virtual_clock            a time that only your test turns, and that passes at once
    run_due                  run what is due now, and raise what it raises
    assert_scheduled         there is such a task; assert_not_scheduled: there is none

The pytest plugin has them as fixtures; `taskshed.testing.conformance` is the suite that every datastore passes.
"""

from taskshed.testing._due import run_due
from taskshed.testing._scheduled import assert_not_scheduled, assert_scheduled
from taskshed.testing._virtual_clock import VirtualClock, virtual_clock

__all__ = ["VirtualClock", "assert_not_scheduled", "assert_scheduled", "run_due", "virtual_clock"]
