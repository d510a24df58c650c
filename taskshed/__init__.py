"""TaskShed runs a program's coroutines later: once, or again and again, on asyncio and on trio.

    open_scheduler       the front door: a running scheduler, with a worker if you give it callbacks
    open_worker          a running worker, for programs that only work
    Task                 what to call and when; TaskExecutionTime moves one, RetryPolicy says how often to try
    current_occurrence   which run a callback is part of
    shutdown_requested   waits for SIGTERM or Ctrl-C, for programs that only work

What they are made of: `taskshed.schedulers`, `taskshed.datastores`, `taskshed.workers`, `taskshed.models`; what can
go wrong: `taskshed.errors`; what happens: `taskshed.events`; for tests: `taskshed.testing`.
"""

from taskshed._open import open_scheduler, open_worker
from taskshed.errors import (
    DatastoreError,
    DatastoreFormatError,
    DatastoreUnavailableError,
    IncorrectCallbackNameError,
    MissingDriverError,
    NotRunningError,
    TaskNotFoundError,
    TaskShedError,
)
from taskshed.models import Occurrence, RetryPolicy, Task, TaskExecutionTime
from taskshed.workers import Callback, current_occurrence, shutdown_requested

__all__ = [
    "Callback",
    "DatastoreError",
    "DatastoreFormatError",
    "DatastoreUnavailableError",
    "IncorrectCallbackNameError",
    "MissingDriverError",
    "NotRunningError",
    "Occurrence",
    "RetryPolicy",
    "Task",
    "TaskExecutionTime",
    "TaskNotFoundError",
    "TaskShedError",
    "current_occurrence",
    "open_scheduler",
    "open_worker",
    "shutdown_requested",
]
