"""One run of one claimed occurrence, as a row of steps: begin, find, convert, call, settle.

Whatever goes wrong in a step stays with the task: it becomes the text of its error.
"""

import contextvars
import random
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import anyio
import msgspec

from taskshed._clock import duration_micros, from_micros
from taskshed._failures import describe_failure, joined, traceback_of
from taskshed._host import cancellation_is_final
from taskshed._loops import exposed, interrupt_in
from taskshed._planning import (
    Defaults,
    Ending,
    Outcome,
    Run,
    Settlement,
    begin,
    cancelled_text,
    failed,
    final,
    left,
    released,
    run_of,
    settle,
)
from taskshed._records import Record, describe_unreadable
from taskshed.datastores.commands import Lease, Note
from taskshed.models import Occurrence
from taskshed.workers._callbacks import Callbacks
from taskshed.workers._context import InContext
from taskshed.workers._current import CurrentRun, current_run, tell_listeners
from taskshed.workers._reports import Failure, Reports, Verdict
from taskshed.workers._store_time import StoreTime

_LEFT_FOR = 2_000_000  # how long a task with an unknown callback is left for other workers

_VERDICTS: dict[Ending, Verdict] = {
    "succeeded": "succeeded",
    "raised": "retried",
    "exhausted": "failed",
    "cancelled": "cancelled",
    "interrupted": "released",
    "lost": "lost",
}


class Ended(msgspec.Struct, frozen=True):
    """A run has ended, or was never to be; `note` is what another task shall know of it."""

    settlement: Settlement
    note: Note | None = None


class Execution:
    """Runs occurrences with the callbacks of one worker and can cancel those under way.

    Args:
        leave_unknown: whether a task whose callback is not known here is left for other workers, or fails.
    """

    def __init__(
        self, callbacks: Callbacks, time: StoreTime, reports: Reports, defaults: Defaults, *, leave_unknown: bool
    ) -> None:
        self._callbacks = callbacks
        self._time = time
        self._reports = reports
        self._defaults = defaults
        self._leave_unknown = leave_unknown
        self._runs: dict[Lease, CurrentRun] = {}  # in the order in which they began
        self._closed = False

    async def run(self, record: Record) -> tuple[Ended, KeyboardInterrupt | None]:
        """Run one occurrence and decide what becomes of it; a Ctrl-C in its callback is returned, not raised."""
        if self._closed:
            return Ended(released(record)), None
        try:
            run = run_of(record, self._time.now(), self._defaults)
            if self._leave_unknown and run.body.callback not in self._callbacks:
                return self._left(run), None
            settlement = begin(run, _chance())
        except Exception as error:
            text = describe_unreadable(error)
            self._reports.unreadable(record.task_id, text, error)
            return Ended(failed(record, joined(text))), None
        return (await self._carry_out(run)) if settlement is None else (self._not_begun(run, settlement), None)

    def close(self) -> None:
        """Begin no others."""
        self._closed = True

    def stop(self, lease: Lease, reason: Ending) -> None:
        """Cancel a run, if it is under way."""
        if (current := self._runs.get(lease)) is not None:
            current.cancel(reason)

    def cancel(self) -> None:
        """Cancel all callbacks under way and begin no others."""
        self.close()
        for current in self._runs.values():
            current.cancel("interrupted")

    async def _carry_out(self, run: Run) -> tuple[Ended, KeyboardInterrupt | None]:
        current = CurrentRun(occurrence_of(run))
        self._reports.started(current.occurrence)
        try:
            with current.scope:
                await self._call(run, current)
            ending = current.reason if current.scope.cancelled_caught else "succeeded"
            return self._ended(run, current, ending), None
        except (Exception, SystemExit) as error:
            return self._failed(run, current, error), None
        except anyio.get_cancelled_exc_class() as error:
            if cancellation_is_final():
                raise
            return self._failed(run, current, error), None  # the callback raised it by itself
        except BaseException as error:
            interrupt = interrupt_in(error)
            if interrupt is None:
                return self._failed(run, current, error), None
            return self._ended(run, current, "interrupted"), interrupt

    async def _call(self, run: Run, current: CurrentRun) -> None:
        lease = Lease(run.record.task_id, run.record.token)
        self._runs[lease] = current
        try:
            callback, arguments = self._callbacks.find(run.body.callback)
            kwargs = arguments.decode(run.body.kwargs)
            context = contextvars.copy_context()
            context.run(current_run.set, current)
            call = exposed(InContext(context, context.run(callback, **kwargs)))
            await (call if run.timeout is None else self._within(run.timeout, call))
        finally:
            del self._runs[lease]
            current.ending = True

    async def _within(self, timeout: timedelta, call: Awaitable[Any]) -> None:
        clock = self._time.clock
        has_ended = False
        with clock.move_on_at(clock.monotonic() + duration_micros(timeout)):
            await call
            has_ended = True
        if not has_ended:
            raise TimeoutError(f"it took longer than its timeout of {timeout}")

    def _failed(self, run: Run, current: CurrentRun, error: BaseException) -> Ended:
        tell_listeners(self._callbacks, error)
        failure = Failure(describe_failure(run.body.callback, error), traceback_of(error), error)
        was_cancelled = current.scope.cancel_called and current.reason == "cancelled"
        return self._ended(run, current, "cancelled" if was_cancelled else "raised", failure)

    def _ended(self, run: Run, current: CurrentRun, ending: Ending, failure: Failure | None = None) -> Ended:
        if ending == "cancelled" and failure is None:
            failure = Failure(cancelled_text(run))
        error = None if failure is None else joined(failure.error, failure.traceback)
        settlement = settle(run, ending, self._time.now(), error, _chance())
        self._reports.ended(run, current.occurrence, _VERDICTS[final(run, ending)], settlement, failure)
        return Ended(settlement, _note(run, settlement))

    def _not_begun(self, run: Run, settlement: Settlement) -> Ended:
        if settlement.child is None:
            verdict: Verdict = "skipped" if run.record.cancelled_at is None else "cancelled"
            failure = Failure(settlement.error or "")
            self._reports.ended(run, occurrence_of(run), verdict, settlement, failure)
        return Ended(settlement, _note(run, settlement))

    def _left(self, run: Run) -> Ended:
        settlement = left(run, self._time.now(), _LEFT_FOR)
        self._reports.ended(run, occurrence_of(run), "released", settlement)
        return Ended(settlement)


def occurrence_of(run: Run) -> Occurrence:
    """What callbacks and listeners are told of a run."""
    record, body = run.record, run.body
    return Occurrence(
        task_id=record.task_id if body.occurrence_of is None else body.occurrence_of,
        group_id=record.group_id,
        callback=body.callback,
        run_at=from_micros(run.at),
        missed=run.missed,
        delayed=timedelta(microseconds=run.delay),
        attempt=record.attempts,
        lag=timedelta(microseconds=run.begun - run.at - run.delay),
    )


_OVER: tuple[Outcome, ...] = ("done", "failed")


def _note(run: Run, settlement: Settlement) -> Note | None:
    """What the task of which this was an occurrence is to know, since this one's own task is gone."""
    if run.body.occurrence_of is None or settlement.error is None or settlement.outcome not in _OVER:
        return None
    return Note(run.body.occurrence_of, settlement.error)


def _chance() -> float:
    return random.random()  # noqa: S311 - it spreads runs, it guards nothing
