"""What happens to tasks, as `scheduler.events()` tells it: frozen structs, each with the moment `at` which it happened.

::

    Event
    ├── TaskAdded, TasksChanged          what schedulers of this process did
    ├── RunEvent                         what workers of this process do; names the task and the occurrence
    │   ├── RunStarted
    │   ├── RunSucceeded
    │   ├── RunFailed                    it raised or timed out, and is not tried again
    │   ├── RunRetried                   it raised or timed out, and is tried again
    │   ├── RunCancelled                 a user cancelled it
    │   ├── RunReleased                  its worker ended; another runs it from the beginning
    │   ├── RunSkipped                   it never began
    │   └── LeaseLost                    its worker was out of touch with the datastore; others may run it by now
    ├── SettlementRefused                what a run came to was not written, for the task was changed or is another's
    ├── StoreUnavailable, StoreAvailable
    └── EventsMissed                     the listener was too slow
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """Something has happened.

    Attributes:
        at: when, UTC.
    """

    at: datetime


class TaskAdded(Event, kw_only=True, frozen=True):
    """A task was added, or took the place of another."""

    task_id: str
    group_id: str | None
    callback: str
    run_at: datetime


class TasksChanged(Event, kw_only=True, frozen=True):
    """Tasks were changed, those with these ids, of this group, or with this status; all, if there is neither."""

    change: Literal["paused", "resumed", "moved", "removed", "retried", "cancelled"]
    task_ids: tuple[str, ...] | None = None
    group_id: str | None = None
    status: Literal["failed"] | None = None


class RunEvent(Event, kw_only=True, frozen=True):
    """Something has happened to a run; its fields are those of `Occurrence`."""

    task_id: str
    group_id: str | None
    callback: str
    run_at: datetime
    attempt: int


class RunStarted(RunEvent, kw_only=True, frozen=True):
    """A callback begins."""

    lag: timedelta


class RunSucceeded(RunEvent, kw_only=True, frozen=True):
    """A callback has ended well."""

    duration: timedelta


class RunFailed(RunEvent, kw_only=True, frozen=True):
    """A run has failed for good: a one-off is kept as failed, a recurring task goes on with its next occurrence."""

    error: str
    traceback: str | None = None


class RunRetried(RunEvent, kw_only=True, frozen=True):
    """A run has failed and is tried again.

    Attributes:
        retry_at: when, by the store's clock.
    """

    error: str
    traceback: str | None = None
    retry_at: datetime


class RunCancelled(RunEvent, kw_only=True, frozen=True):
    """A run has ended because `cancel_tasks` asked for it."""


class RunReleased(RunEvent, kw_only=True, frozen=True):
    """A run was given back unfinished, because its worker ends; or, with an unknown callback, left for others."""


class RunSkipped(RunEvent, kw_only=True, frozen=True):
    """A run did not begin, for it came too late or crashed too often; `error` says which."""

    error: str


class LeaseLost(RunEvent, kw_only=True, frozen=True):
    """A run was cancelled because its lease could not be renewed in time."""


class SettlementRefused(Event, kw_only=True, frozen=True):
    """The end of a run changed nothing: its task was moved, replaced or removed, or another has claimed it."""

    task_id: str


class StoreUnavailable(Event, kw_only=True, frozen=True):
    """The datastore cannot be reached; said once, until it can be again."""

    error: str


class StoreAvailable(Event, kw_only=True, frozen=True):
    """The datastore can be reached again."""


class EventsMissed(Event, kw_only=True, frozen=True):
    """So many events did not fit into the listener's buffer and are lost to it."""

    count: int
