"""What users hand in and get back: msgspec structs, keyword-only, frozen, compared by value."""

from taskshed.models._checks import (
    MAX_NAME_LENGTH,
    Check,
    check_duration,
    check_name,
    duration,
    in_utc,
    one_of,
    optional,
    whole,
)
from taskshed.models._occurrence import Occurrence, PlannedRun
from taskshed.models._retry import RetryPolicy, check_policy, check_timeout
from taskshed.models._task import Overlap, RunType, Status, Task, TaskExecutionTime

__all__ = [
    "MAX_NAME_LENGTH",
    "Check",
    "Occurrence",
    "Overlap",
    "PlannedRun",
    "RetryPolicy",
    "RunType",
    "Status",
    "Task",
    "TaskExecutionTime",
    "check_duration",
    "check_name",
    "check_policy",
    "check_timeout",
    "duration",
    "in_utc",
    "one_of",
    "optional",
    "whole",
]
