"""Who runs the tasks.

`EventDrivenWorker` wakes exactly when the next task is due, `PollingWorker` looks at an interval. Both claim with a
lease, run callbacks from their callback map, and settle what has ended.
"""

from taskshed.workers._base import Worker
from taskshed.workers._callbacks import Callback
from taskshed.workers._current import current_occurrence
from taskshed.workers._event_driven import EventDrivenWorker
from taskshed.workers._polling import PollingWorker
from taskshed.workers._settings import WorkerSettings
from taskshed.workers._signals import shutdown_requested
from taskshed.workers._statistics import WorkerStatistics

__all__ = [
    "Callback",
    "EventDrivenWorker",
    "PollingWorker",
    "Worker",
    "WorkerSettings",
    "WorkerStatistics",
    "current_occurrence",
    "shutdown_requested",
]
