"""The run that code is part of, and who wants to hear of runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import anyio

from taskshed._planning import Ending
from taskshed.models import Occurrence
from taskshed.workers._callbacks import Callbacks


class CurrentRun:
    """A run, as what runs inside it sees it, which may outlive it.

    Attributes:
        ending: whether it has ended, or was cancelled.
        reason: why it was cancelled, if it was.
    """

    def __init__(self, occurrence: Occurrence) -> None:
        self.occurrence = occurrence
        self.scope = anyio.CancelScope()
        self.ending = False
        self.reason: Ending = "interrupted"

    def cancel(self, reason: Ending) -> None:
        """Have it end; of several reasons the first counts."""
        if not self.ending:
            self.reason = reason
            self.ending = True
            self.scope.cancel()


current_run: ContextVar[CurrentRun | None] = ContextVar("taskshed_run", default=None)


def current_occurrence() -> Occurrence:
    """The occurrence that the calling callback runs.

    Raises:
        LookupError: the caller is not part of a callback.
    """
    run = current_run.get()
    if run is None:
        raise LookupError("no occurrence is running here; call this from inside a callback")
    return run.occurrence


# Told of each run that fails, and from whose callback map it came.
Listener = Callable[[Callbacks, BaseException], None]

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell `listener` of the runs that fail in this process; for tests."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell_listeners(callbacks: Callbacks, error: BaseException) -> None:
    """A run has failed."""
    for listener in _listeners:
        listener(callbacks, error)
