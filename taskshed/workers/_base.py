"""What the workers share, which is everything but when to wake."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import timedelta

import anyio

from taskshed._clock import ambient_clock, duration_micros, from_micros
from taskshed._host import Component
from taskshed._loops import sheltered
from taskshed._mailbox import Mailbox
from taskshed.datastores._actor import DataStore
from taskshed.errors import NotRunningError
from taskshed.workers._agenda import Agenda, WakeRule
from taskshed.workers._callbacks import Callback, Callbacks
from taskshed.workers._execution import Execution
from taskshed.workers._shift import Message, Shift
from taskshed.workers._store_time import StoreTime


class Worker(Component):
    """Claims due occurrences from a datastore, runs their callbacks and settles them.

    Args:
        callback_map: coroutine functions by the names that tasks call them.
        datastore: where the tasks are; it is started and kept running with the worker.
        max_concurrency: how many occurrences run at once.
        lease: how long a claim holds unless renewed, which happens every third of it; after a crash
            another worker takes over when it has run out.
        shutdown_timeout: how long running callbacks may go on after the end was asked for, before they are cancelled.

    Raises:
        TypeError: something in `callback_map` is no coroutine function.
        ValueError: a setting makes no sense.
    """

    def __init__(
        self,
        callback_map: Mapping[str, Callback],
        datastore: DataStore,
        *,
        max_concurrency: int = 100,
        lease: timedelta = timedelta(seconds=30),
        shutdown_timeout: timedelta = timedelta(seconds=30),
    ) -> None:
        super().__init__()
        if not isinstance(datastore, DataStore):
            raise TypeError(f"datastore must be a DataStore such as InMemoryDataStore(), not {datastore!r}")
        if not isinstance(max_concurrency, int) or max_concurrency < 1:
            raise ValueError(f"max_concurrency must be a whole number from 1 up, not {max_concurrency!r}")
        check_duration("lease", lease, least=timedelta(milliseconds=1))
        check_duration("shutdown_timeout", shutdown_timeout, least=timedelta(0))
        self._callbacks = Callbacks(callback_map)
        self._datastore = datastore
        self._max_concurrency = max_concurrency
        self._lease = lease
        self._shutdown_timeout = shutdown_timeout
        self._shift: Shift | None = None

    def __repr__(self) -> str:
        name = type(self).__name__
        if self._shift is None:
            return f"<{name} not running>"
        agenda = self._shift.agenda
        claim_at = agenda.claim_at
        when = "when told" if claim_at is None else f"{from_micros(claim_at).astimezone():%H:%M:%S.%f}"[:-3]
        return f"<{name} running={agenda.running} next={when}>"

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
        async with self._datastore.held_by(self), anyio.create_task_group() as tasks:
            time = StoreTime(ambient_clock())
            agenda = Agenda(self._wake_rule(), self._max_concurrency, duration_micros(self._lease), time.now())
            execution = Execution(self._callbacks, time)
            self._shift = shift = Shift(self._datastore, agenda, execution, time, self._shutdown_timeout)
            with self._notices(shift.inbox):
                tasks.start_soon(sheltered, shift.work, self._max_concurrency)
                try:
                    yield
                finally:
                    self._shift = None
                    with suppress(NotRunningError):
                        await shift.close()


def check_duration(name: str, value: object, *, least: timedelta) -> None:
    """Refuse what is no duration, or one that is too short."""
    if not isinstance(value, timedelta):
        raise TypeError(f"{name} must be a timedelta, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
