"""What a worker can be told, checked."""

from datetime import timedelta
from typing import Any, Literal, TypedDict, get_args

import msgspec

from taskshed.models import RetryPolicy, check_policy, check_timeout

UnknownCallback = Literal["fail", "leave"]

_MILLISECOND = timedelta(milliseconds=1)


class WorkerSettings(TypedDict, total=False):
    """What workers take by name; `Settings` says what it means."""

    max_concurrency: int
    lease: timedelta
    shutdown_timeout: timedelta
    retry: RetryPolicy | None
    timeout: timedelta | None
    unknown_callback: UnknownCallback
    failed_retention: timedelta | None


class Settings(msgspec.Struct, kw_only=True, frozen=True):
    """The settings of a worker.

    Attributes:
        max_concurrency: how many occurrences run at once.
        lease: how long a claim holds unless renewed, which happens every third of it; after a crash another worker
            takes over when it has run out.
        shutdown_timeout: how long running callbacks may go on after the end was asked for, before they are cancelled.
        retry: the policy of tasks that have none of their own.
        timeout: how long a run may take, for tasks that do not say it themselves.
        unknown_callback: whether a task whose callback is not in the map fails, or is left for other workers.
        failed_retention: how long failed tasks are kept; None: until they are removed.

    Raises:
        TypeError, ValueError: a setting makes no sense; the message names it.
    """

    max_concurrency: int = 100
    lease: timedelta = timedelta(seconds=30)
    shutdown_timeout: timedelta = timedelta(seconds=30)
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None
    unknown_callback: UnknownCallback = "fail"
    failed_retention: timedelta | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.max_concurrency, int) or self.max_concurrency < 1:
            raise ValueError(f"max_concurrency must be a whole number from 1 up, not {self.max_concurrency!r}")
        check_duration("lease", self.lease, least=10 * _MILLISECOND)
        check_duration("shutdown_timeout", self.shutdown_timeout, least=timedelta(0))
        if self.retry is not None:
            check_policy("retry", self.retry)
        if self.timeout is not None:
            check_timeout("timeout", self.timeout)
        if self.unknown_callback not in get_args(UnknownCallback):
            raise ValueError(f"unknown_callback must be 'fail' or 'leave', not {self.unknown_callback!r}")
        if self.failed_retention is not None:
            check_duration("failed_retention", self.failed_retention, least=_MILLISECOND)


def check_duration(name: str, value: Any, *, least: timedelta) -> None:
    """Refuse what is no duration, or one that is too short."""
    if not isinstance(value, timedelta):
        raise TypeError(f"{name} must be a timedelta, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
