"""A worker at work, from start to shutdown: the actor that turns an agenda into deeds.

Three kinds of task, which share nothing but messages::

                     ┌── commands ──▶ courier ──▶ datastore
    main ── agenda ──┤
      ▲              └── records ───▶ executors ──▶ callbacks
      └─ inbox: ScheduleChanged, RunsCancelled, Exchanged, ExchangeFailed, Ended, WorkOff, Close

Main waits for its inbox alone, never for the datastore or a callback, so that it is always there to act on what
is due. A datastore that answers at once needs no courier. Told to close, main claims no more and ends when all that
runs has ended and is settled. After `shutdown_timeout` it cancels the callbacks that are left and no longer insists on
a datastore that fails. All its instants are monotonic; `StoreTime` knows the store's.
"""

import logging
import random
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import anyio
import msgspec

from taskshed._clock import duration_micros
from taskshed._loops import pass_on_interrupt, sheltered
from taskshed._mailbox import Mailbox
from taskshed._planning import released
from taskshed._records import Record
from taskshed.datastores._actor import Commands, DataStore
from taskshed.datastores.commands import Claimed, Lease, RunsCancelled, ScheduleChanged, Settle
from taskshed.workers._agenda import Agenda
from taskshed.workers._execution import Ended, Execution
from taskshed.workers._pool import Pool
from taskshed.workers._reports import Reports
from taskshed.workers._store_time import StoreTime

logger = logging.getLogger("taskshed")

_INBOX_CAPACITY = 1000


class Exchanged(msgspec.Struct, frozen=True):
    """The datastore has answered; `sent` and `received` are monotonic instants."""

    commands: Commands
    answers: Sequence[Any]
    sent: int
    received: int


class ExchangeFailed(msgspec.Struct, frozen=True):
    """The datastore has refused."""

    commands: Commands
    error: Exception


class WorkOff(msgspec.Struct, frozen=True):
    """Look for what is due now, and set `done` when all of that has ended."""

    done: anyio.Event


class Close(msgspec.Struct, frozen=True):
    """Claim no more, let what runs end, then end."""


Message = ScheduleChanged | RunsCancelled | Exchanged | ExchangeFailed | Ended | WorkOff | Close


class Shift:
    """One period of work; a worker that is started again begins a new one."""

    def __init__(
        self,
        datastore: DataStore,
        agenda: Agenda,
        execution: Execution,
        reports: Reports,
        time: StoreTime,
        shutdown_timeout: timedelta,
    ) -> None:
        self.agenda = agenda
        self.inbox: Mailbox[Message] = Mailbox(_INBOX_CAPACITY)
        self._datastore = datastore
        self._execution = execution
        self._reports = reports
        self._time = time
        self._shutdown_timeout = duration_micros(shutdown_timeout)
        self._cancel_at: int | None = None
        self._late = False
        self._watchers: list[anyio.Event] = []
        self._end = ExitStack()
        self._orders: Mailbox[Commands] = Mailbox(1)

    async def work(self, size: int) -> None:
        """Work until closed, running at most `size` occurrences at once."""
        try:
            async with anyio.create_task_group() as tasks:
                pool = Pool(tasks, size, self._execute)
                tasks.start_soon(sheltered, self._carry)
                try:
                    await self._run(pool)
                finally:
                    pool.close()
                    self._orders.close()
        finally:
            self._end.close()
            self._tell_watchers()
            self.inbox.discard()

    async def work_off(self) -> None:
        """Return when all that is due now has run, as far as others do not run it."""
        done = anyio.Event()
        await self.inbox.tell(WorkOff(done))
        await done.wait()

    async def close(self) -> None:
        """Ask for the end."""
        await self.inbox.tell(Close())

    async def _run(self, pool: Pool[Record]) -> None:
        clock = self._time.clock
        self.agenda.looks.lead = self._time.lead
        while not self.agenda.finished:
            if self._watchers and self.agenda.worked_off(clock.monotonic()):
                self._tell_watchers()
            plan = self.agenda.plan(clock.monotonic())
            for stop in plan.stops:
                self._execution.stop(stop.lease, stop.reason)
            if plan.commands and self._datastore.immediate:
                self._take_in(await self._exchange(plan.commands), pool)
                continue
            if plan.commands:
                self._orders.offer(plan.commands)
            for message in await self._messages(plan.wake_at):
                self._take_in(message, pool)
            if self._cancel_at is not None and clock.monotonic() >= self._cancel_at:
                self._cancel_at, self._late = None, True
                self._execution.cancel()

    async def _messages(self, wake_at: int | None) -> list[Message]:
        deadlines = [at for at in (wake_at, self._cancel_at) if at is not None]
        return await self.inbox.receive(until=min(deadlines, default=None))

    def _tell_watchers(self) -> None:
        for done in self._watchers:
            done.set()
        self._watchers.clear()

    def _take_in(self, message: Message, pool: Pool[Record]) -> None:
        match message:
            case ScheduleChanged(earliest=earliest):
                self.agenda.noticed(earliest)
            case RunsCancelled():
                self.agenda.runs_cancelled(self._time.clock.monotonic())
            case Exchanged():
                for record in self._exchanged(message):
                    pool.submit(record)
            case ExchangeFailed():
                self._exchange_failed(message)
            case Ended(settlement=settlement, note=note):
                self.agenda.ended(settlement, note)
            case WorkOff(done=done):
                self.agenda.looks.anew()
                self._watchers.append(done)
            case Close():
                self.agenda.close()
                self._execution.close()
                self._end.enter_context(self._time.clock.passing())
                self._cancel_at = self._time.clock.monotonic() + self._shutdown_timeout

    def _exchanged(self, message: Exchanged) -> Sequence[Record]:
        for command, answer in zip(message.commands, message.answers, strict=True):
            match command, answer:
                case _, Claimed(now=theirs):
                    self._time.observe(sent=message.sent, theirs=theirs, received=message.received)
                    self.agenda.looks.lead = self._time.lead
                case Settle(), stale:
                    for lease in stale:
                        self._reports.refused(lease)
        return self.agenda.exchanged(message.commands, message.answers, self._time.clock.monotonic())

    def _exchange_failed(self, message: ExchangeFailed) -> None:
        chance = random.random()  # noqa: S311 - it spreads retries, it guards nothing
        if self.agenda.exchange_failed(message.commands, self._time.clock.monotonic(), chance):
            logger.warning("The datastore failed, trying again until it works: %s", message.error)
        if self._late:
            self.agenda.give_up()

    async def _carry(self) -> None:
        """The courier: one exchange with the datastore after another."""
        try:
            while orders := await self._orders.receive(limit=1):
                await self.inbox.tell(await self._exchange(orders[0]))
        finally:
            self._orders.discard()

    async def _exchange(self, commands: Commands) -> Exchanged | ExchangeFailed:
        sent = self._time.clock.monotonic()
        try:
            answers = await self._datastore.ask_all(commands)
        except Exception as error:
            return ExchangeFailed(commands, error)
        return Exchanged(commands, answers, sent, self._time.clock.monotonic())

    async def _execute(self, record: Record) -> None:
        if self.agenda.leases.holds(Lease(record.task_id, record.token), self._time.clock.monotonic()):
            message, interrupt = await self._execution.run(record)
        else:  # the process may have been stopped since the claim, and somebody else may have it by now
            message, interrupt = Ended(released(record)), None
        await self.inbox.tell(message)
        if interrupt is not None:
            pass_on_interrupt(interrupt)
