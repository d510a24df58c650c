"""One run of one claimed occurrence, as a row of steps: begin, find, convert, call, settle.

Whatever goes wrong in a step stays with the task: it becomes the text of its error.
"""

import contextvars
import logging
import random
from datetime import timedelta

import anyio
import msgspec

from taskshed._clock import from_micros
from taskshed._host import cancellation_is_final
from taskshed._loops import exposed, interrupt_in
from taskshed._planning import Ending, Run, Settlement, begin, failed, released, settle
from taskshed._records import Record, describe_unreadable
from taskshed.datastores.commands import Note
from taskshed.models import Occurrence
from taskshed.workers._callbacks import Callbacks
from taskshed.workers._context import InContext
from taskshed.workers._current import CurrentRun, current_run, tell_listeners
from taskshed.workers._store_time import StoreTime

logger = logging.getLogger("taskshed")

MAX_ERROR_LENGTH = 10_000


class Ended(msgspec.Struct, frozen=True):
    """A run has ended, or was never to be; `note` is what another task shall know of it."""

    settlement: Settlement
    note: Note | None = None


class Execution:
    """Runs occurrences with the callbacks of one worker and can cancel those under way."""

    def __init__(self, callbacks: Callbacks, time: StoreTime) -> None:
        self._callbacks = callbacks
        self._time = time
        self._runs: dict[CurrentRun, None] = {}  # in the order in which they began
        self._cancelled = False

    async def run(self, record: Record) -> tuple[Ended, KeyboardInterrupt | None]:
        """Run one occurrence and decide what becomes of it; a Ctrl-C in its callback is returned, not raised."""
        if self._cancelled:
            return Ended(released(record)), None
        try:
            run = begin(record, self._time.now(), _chance())
        except Exception as error:
            text = describe_unreadable(error)
            logger.error("Task %s failed: %s", record.task_id, text, exc_info=error)
            return Ended(failed(record, storable(text))), None
        if isinstance(run, Run):
            return await self._carry_out(run)
        if run.child is None:
            logger.warning("Task %s: %s", record.task_id, run.error)
        return Ended(run), None

    def cancel(self) -> None:
        """Cancel all callbacks under way and begin no others."""
        self._cancelled = True
        for current in self._runs:
            current.cancel()

    async def _carry_out(self, run: Run) -> tuple[Ended, KeyboardInterrupt | None]:
        current = CurrentRun(_occurrence(run))
        try:
            with current.scope:
                self._runs[current] = None
                try:
                    await self._call(run, current)
                finally:
                    del self._runs[current]
                    current.ending = True
            return self._ended(run, "interrupted" if current.scope.cancelled_caught else "succeeded"), None
        except (Exception, SystemExit) as error:
            return self._failure(run, error), None
        except anyio.get_cancelled_exc_class() as error:
            if cancellation_is_final():
                raise
            return self._failure(run, error), None  # the callback raised it by itself
        except BaseException as error:
            interrupt = interrupt_in(error)
            if interrupt is None:
                return self._failure(run, error), None
            return self._ended(run, "interrupted"), interrupt

    async def _call(self, run: Run, current: CurrentRun) -> None:
        callback, arguments = self._callbacks.find(run.body.callback)
        kwargs = arguments.decode(run.body.kwargs)
        context = contextvars.copy_context()
        context.run(current_run.set, current)
        logger.debug("Task %s runs %r %s late", run.record.task_id, run.body.callback, current.occurrence.lag)
        await exposed(InContext(context, context.run(callback, **kwargs)))

    def _ended(self, run: Run, ending: Ending, error: str | None = None) -> Ended:
        note = None if error is None or run.body.occurrence_of is None else Note(run.body.occurrence_of, error)
        return Ended(settle(run, ending, self._time.now(), error, _chance()), note)

    def _failure(self, run: Run, error: BaseException) -> Ended:
        text = describe_failure(run.body.callback, error)
        logger.error("Task %s failed: %s", run.record.task_id, text, exc_info=error)
        tell_listeners(self._callbacks, error)
        return self._ended(run, "raised", storable(text))


def _occurrence(run: Run) -> Occurrence:
    record, body = run.record, run.body
    return Occurrence(
        task_id=record.task_id if body.occurrence_of is None else body.occurrence_of,
        group_id=record.group_id,
        callback=body.callback,
        run_at=from_micros(run.at),
        missed=run.missed,
        jittered=timedelta(microseconds=run.jitter),
        attempt=record.attempts,
        lag=timedelta(microseconds=run.begun - run.at - run.jitter),
    )


def _chance() -> float:
    return random.random()  # noqa: S311 - it spreads runs, it guards nothing


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
