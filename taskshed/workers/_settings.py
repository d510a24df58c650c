"""What a worker can be told, checked."""

from datetime import timedelta
from typing import Literal, TypedDict

import msgspec

from taskshed.models import Check, RetryPolicy, check_policy, check_timeout, duration, one_of, optional

UnknownCallback = Literal["fail", "leave"]

_MILLISECOND = timedelta(milliseconds=1)

_CHECKS: dict[str, Check] = {
    "lease": duration(least=10 * _MILLISECOND),
    "shutdown_timeout": duration(least=timedelta(0)),
    "retry": optional(check_policy),
    "timeout": optional(check_timeout),
    "unknown_callback": one_of(UnknownCallback),
    "failed_retention": optional(duration(least=_MILLISECOND)),
}


class WorkerSettings(TypedDict, total=False):
    """What workers take by name; `Worker` says what it means."""

    max_concurrency: int
    lease: timedelta
    shutdown_timeout: timedelta
    retry: RetryPolicy | None
    timeout: timedelta | None
    unknown_callback: UnknownCallback
    failed_retention: timedelta | None


class Settings(msgspec.Struct, kw_only=True, frozen=True):
    """The settings of a worker with their defaults; `Worker` says what they mean.

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
        for name, check in _CHECKS.items():
            check(name, getattr(self, name))
