"""One run of one claimed occurrence, as a row of steps: read, find, convert, call, settle.

Whatever goes wrong in a step stays with the task: it becomes the text of its error.
"""

import contextvars
import logging
from contextvars import ContextVar
from datetime import timedelta

import anyio

from taskshed._clock import from_micros
from taskshed._host import cancellation_is_final
from taskshed._loops import exposed, interrupt_in
from taskshed._planning import Ending, Settlement, settle
from taskshed._records import Body, Record, describe_unreadable, read_body
from taskshed.models import Occurrence
from taskshed.workers._callbacks import Callbacks
from taskshed.workers._context import InContext
from taskshed.workers._store_time import StoreTime

logger = logging.getLogger("taskshed")

MAX_ERROR_LENGTH = 10_000

_current: ContextVar[Occurrence] = ContextVar("taskshed_occurrence")


def current_occurrence() -> Occurrence:
    """The occurrence that the calling callback runs.

    Raises:
        LookupError: the caller is not part of a callback.
    """
    try:
        return _current.get()
    except LookupError:
        raise LookupError("no occurrence is running here; call this from inside a callback") from None


class Execution:
    """Runs occurrences with the callbacks of one worker and can cancel those under way."""

    def __init__(self, callbacks: Callbacks, time: StoreTime) -> None:
        self._callbacks = callbacks
        self._time = time
        self._scopes: set[anyio.CancelScope] = set()
        self._cancelled = False

    async def run(self, record: Record) -> tuple[Settlement, KeyboardInterrupt | None]:
        """Run one occurrence and decide what becomes of it; a Ctrl-C in its callback is returned, not raised."""
        body: Body | None = None
        try:
            if self._cancelled:
                return settle(record, body, "interrupted", self._time.now()), None
            body = read_body(record)
            with anyio.CancelScope() as scope:
                self._scopes.add(scope)
                try:
                    await self._call(record, body)
                finally:
                    self._scopes.discard(scope)
            ending: Ending = "interrupted" if scope.cancelled_caught else "succeeded"
            return settle(record, body, ending, self._time.now()), None
        except (Exception, SystemExit) as error:
            return self._failure(record, body, error), None
        except anyio.get_cancelled_exc_class() as error:
            if cancellation_is_final():
                raise
            return self._failure(record, body, error), None  # the callback raised it by itself
        except BaseException as error:
            interrupt = interrupt_in(error)
            if interrupt is None:
                return self._failure(record, body, error), None
            return settle(record, body, "interrupted", self._time.now()), interrupt

    def cancel(self) -> None:
        """Cancel all callbacks under way and begin no others."""
        self._cancelled = True
        for scope in self._scopes:
            scope.cancel()

    async def _call(self, record: Record, body: Body) -> None:
        callback, arguments = self._callbacks.find(body.callback)
        kwargs = arguments.decode(body.kwargs)
        occurrence = Occurrence(
            task_id=record.task_id,
            group_id=record.group_id,
            callback=body.callback,
            run_at=from_micros(record.run_at),
            attempt=record.attempts,
            lag=timedelta(microseconds=self._time.now() - record.run_at),
        )
        context = contextvars.copy_context()
        context.run(_current.set, occurrence)
        logger.debug("Task %s runs %r %s late", record.task_id, body.callback, occurrence.lag)
        await exposed(InContext(context, context.run(callback, **kwargs)))

    def _failure(self, record: Record, body: Body | None, error: BaseException) -> Settlement:
        text = describe_unreadable(error) if body is None else describe_failure(body.callback, error)
        logger.error("Task %s failed: %s", record.task_id, text, exc_info=error)
        return settle(record, body, "raised", self._time.now(), storable(text))


def describe_failure(callback: str, error: BaseException) -> str:
    """The text that is kept of an exception."""
    try:
        reason = str(error)
    except Exception:  # a broken __str__ is the callback's affair
        reason = "(its text cannot be had)"
    return f"callback {callback!r}: {type(error).__name__}: {reason}"


def storable(text: str) -> str:
    """`text` so that every store can keep it: not too long, valid Unicode, and without NUL."""
    return text[:MAX_ERROR_LENGTH].replace("\0", "\\x00").encode(errors="backslashreplace").decode()
