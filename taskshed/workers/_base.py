"""What the workers share, which is everything but when to wake."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Unpack

import anyio

from taskshed._broadcast import Events
from taskshed._clock import ambient_clock, duration_micros, from_micros
from taskshed._host import Component
from taskshed._loops import sheltered
from taskshed._mailbox import Mailbox
from taskshed._planning import Defaults
from taskshed.datastores._actor import DataStore
from taskshed.errors import NotRunningError
from taskshed.workers._agenda import Agenda
from taskshed.workers._callbacks import Callback, Callbacks
from taskshed.workers._execution import Execution
from taskshed.workers._looks import WakeRule
from taskshed.workers._reports import Reports
from taskshed.workers._settings import Settings, WorkerSettings
from taskshed.workers._shift import Message, Shift
from taskshed.workers._statistics import WorkerStatistics, statistics_of
from taskshed.workers._store_time import StoreTime


class Worker(Component):
    """Claims due occurrences from a datastore, runs their callbacks and settles them.

    Args:
        callback_map: coroutine functions by the names that tasks call them.
        datastore: where the tasks are; it is started and kept running with the worker.
        max_concurrency: how many occurrences run at once. Default: 100.
        lease: how long a claim holds unless renewed, which happens every third of it; after a crash another worker
            takes over when it has run out. Default: 30 s.
        shutdown_timeout: how long running callbacks may go on after the end was asked for, before they are cancelled.
            Default: 30 s.
        retry: the `RetryPolicy` of tasks that have none of their own.
        timeout: how long a run may take, for tasks that do not say it themselves.
        unknown_callback: "fail" keeps a task whose callback is not in the map as failed; "leave" leaves it for workers
            that know it.
        failed_retention: how long failed tasks are kept before this worker removes them. Default: for ever.

    Raises:
        TypeError: something in `callback_map` is no coroutine function, or a setting is not of its type.
        ValueError: a setting makes no sense.
    """

    def __init__(
        self, callback_map: Mapping[str, Callback], datastore: DataStore, **settings: Unpack[WorkerSettings]
    ) -> None:
        super().__init__()
        if not isinstance(datastore, DataStore):
            raise TypeError(f"datastore must be a DataStore such as InMemoryDataStore(), not {datastore!r}")
        self._settings = Settings(**settings)
        self._callbacks = Callbacks(callback_map)
        self._datastore = datastore
        self._reports = Reports(datastore.events)
        self._shift: Shift | None = None

    def __repr__(self) -> str:
        name = type(self).__name__
        if self._shift is None:
            return f"<{name} not running>"
        look = self._next_look(self._shift)
        when = "when told" if look is None else f"{from_micros(look).astimezone():%H:%M:%S.%f}"[:-3]
        return f"<{name} running={self._shift.agenda.running} next={when}>"

    @property
    def datastore(self) -> DataStore:
        """Where the tasks are."""
        return self._datastore

    @property
    def callbacks(self) -> Callbacks:
        """The callback map."""
        return self._callbacks

    def add_callback(self, callback_name: str, callback: Callback) -> None:
        """Register one more callback, also while running.

        Raises:
            TypeError: it is no coroutine function.
            ValueError: the name is taken.
        """
        self._callbacks.add(callback_name, callback)

    def statistics(self) -> WorkerStatistics:
        """What it is doing, and what it has done since it was made."""
        shift = self._shift
        running, look = (0, None) if shift is None else (shift.agenda.running, self._next_look(shift))
        return statistics_of(running, look, self._reports.counts)

    def events(self, size: int = 1000) -> AbstractContextManager[Events]:
        """Listen to what happens, as `AsyncScheduler.events` does, in a plain `with`."""
        return self._datastore.events.listening(size)

    async def work_off(self) -> None:
        """Run what is due now, and return when it has ended; what other workers have taken is theirs.

        Raises:
            NotRunningError: the worker is not running.
        """
        if self._shift is None:
            raise NotRunningError(f"{type(self).__name__} is not running; start() it or use it in 'async with'")
        await self._shift.work_off()

    @abstractmethod
    def _wake_rule(self) -> WakeRule:
        """When to look into the datastore next."""

    @abstractmethod
    def _notices(self, inbox: Mailbox[Message]) -> AbstractContextManager[None]:
        """Have the inbox told of changes, or not."""

    def _parts(self) -> tuple[Component, ...]:
        return (self._datastore,)

    @asynccontextmanager
    async def _lifetime(self) -> AsyncIterator[None]:
        async with self._datastore.held_by(self):
            self._shift = shift = self._new_shift()
            # Until the last run has ended, for it may be cancelled.
            with self._notices(shift.inbox):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(sheltered, shift.work, self._settings.max_concurrency)
                    try:
                        yield
                    finally:
                        self._shift = None
                        with suppress(NotRunningError):
                            await shift.close()

    def _new_shift(self) -> Shift:
        settings, time = self._settings, StoreTime(ambient_clock())
        retention = None if settings.failed_retention is None else duration_micros(settings.failed_retention)
        agenda = Agenda(
            self._wake_rule(),
            settings.max_concurrency,
            duration_micros(settings.lease),
            time.clock.monotonic(),
            retention,
        )
        execution = Execution(
            self._callbacks,
            time,
            self._reports,
            Defaults(retry=settings.retry, timeout=settings.timeout),
            leave_unknown=settings.unknown_callback == "leave",
        )
        return Shift(self._datastore, agenda, execution, self._reports, time, settings.shutdown_timeout)

    @staticmethod
    def _next_look(shift: Shift) -> int | None:
        looks = shift.agenda.looks
        return None if looks.at is None else looks.at + looks.lead
