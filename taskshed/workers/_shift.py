"""A worker at work, from start to shutdown: the actor that turns an agenda into deeds.

Three kinds of task, which share nothing but messages::

                     ┌── commands ──▶ courier ──▶ datastore
    main ── agenda ──┤
      ▲              └── records ───▶ executors ──▶ callbacks
      └─ inbox: ScheduleChanged, Exchanged, ExchangeFailed, Ended, Close

Main waits for its inbox alone, never for the datastore or a callback, so that it is always there to act on what
is due. Told to close, it claims no more and ends when all that runs has ended and is settled. After
`shutdown_timeout` it cancels the callbacks that are left and no longer insists on a datastore that fails.
"""

import logging
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import anyio
import msgspec

from taskshed._actor import Mailbox
from taskshed._clock import Clock, duration_micros
from taskshed._loops import pass_on_interrupt, sheltered
from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores._actor import Commands, DataStore, ScheduleChanged
from taskshed.datastores.commands import Claimed
from taskshed.workers._agenda import Agenda
from taskshed.workers._execution import Execution
from taskshed.workers._pool import Pool
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


class Ended(msgspec.Struct, frozen=True):
    """A run has ended."""

    settlement: Settlement


class Close(msgspec.Struct, frozen=True):
    """Claim no more, let what runs end, then end."""


Message = ScheduleChanged | Exchanged | ExchangeFailed | Ended | Close


class Shift:
    """One period of work; a worker that is started again begins a new one."""

    def __init__(
        self, datastore: DataStore, agenda: Agenda, execution: Execution, time: StoreTime, shutdown_timeout: timedelta
    ) -> None:
        self.agenda = agenda
        self.inbox: Mailbox[Message] = Mailbox(_INBOX_CAPACITY)
        self._datastore = datastore
        self._execution = execution
        self._time = time
        self._shutdown_timeout = duration_micros(shutdown_timeout)
        self._cancel_at: int | None = None
        self._late = False
        self._to_courier, self._from_main = anyio.create_memory_object_stream[Commands](1)

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
                    self._to_courier.close()
        finally:
            self.inbox.discard()

    async def close(self) -> None:
        """Ask for the end."""
        await self.inbox.tell(Close())

    async def _run(self, pool: Pool[Record]) -> None:
        while not self.agenda.finished:
            plan = self.agenda.plan(self._time.now())
            if plan.commands:
                self._to_courier.send_nowait(plan.commands)
            wake_at = None if plan.wake_at is None else self._time.monotonic(plan.wake_at)
            for message in await self._messages(wake_at):
                self._take_in(message, pool)
            if self._cancel_at is not None and self._time.clock.monotonic() >= self._cancel_at:
                self._cancel_at, self._late = None, True
                self._execution.cancel()

    async def _messages(self, wake_at: int | None) -> list[Message]:
        clock: Clock = self._time.clock
        deadlines = [at for at in (wake_at, self._cancel_at) if at is not None]
        deadline = min(deadlines, default=None)
        messages: list[Message] = []
        # Some event loops' timers fire early, and nothing may run before its time.
        while not messages and (deadline is None or clock.monotonic() < deadline):
            with clock.move_on_at(deadline):
                messages = await self.inbox.receive()
        return messages

    def _take_in(self, message: Message, pool: Pool[Record]) -> None:
        match message:
            case ScheduleChanged(earliest=earliest):
                self.agenda.noticed(earliest)
            case Exchanged():
                for record in self._exchanged(message):
                    pool.submit(record)
            case ExchangeFailed():
                self._exchange_failed(message)
            case Ended(settlement=settlement):
                self.agenda.ended(settlement)
            case Close():
                self.agenda.close()
                self._cancel_at = self._time.clock.monotonic() + self._shutdown_timeout

    def _exchanged(self, message: Exchanged) -> Sequence[Record]:
        for answer in message.answers:
            if isinstance(answer, Claimed):
                self._time.observe(sent=message.sent, theirs=answer.now, received=message.received)
        return self.agenda.exchanged(message.commands, message.answers, self._time.now())

    def _exchange_failed(self, message: ExchangeFailed) -> None:
        chance = random.random()  # noqa: S311 - it spreads retries, it guards nothing
        if self.agenda.exchange_failed(message.commands, self._time.now(), chance):
            logger.warning("The datastore failed, trying again until it works: %s", message.error)
        if self._late:
            self.agenda.give_up()

    async def _carry(self) -> None:
        """The courier: one exchange with the datastore after another."""
        clock = self._time.clock
        with self._from_main:
            async for commands in self._from_main:
                sent = clock.monotonic()
                message: Message
                try:
                    answers = await self._datastore.ask_all(commands)
                except Exception as error:
                    message = ExchangeFailed(commands, error)
                else:
                    message = Exchanged(commands, answers, sent, clock.monotonic())
                await self.inbox.tell(message)

    async def _execute(self, record: Record) -> None:
        settlement, interrupt = await self._execution.run(record)
        await self.inbox.tell(Ended(settlement))
        if interrupt is not None:
            pass_on_interrupt(interrupt)
