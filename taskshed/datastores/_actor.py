"""The datastore actor: one mailbox, two lanes, group commit.

Commands go through the write lane. It takes everything that waits in its mailbox and hands it to the
storage as one transaction, so that fifty coroutines that each await `add_task` pay for one commit. If
that fails, each request is tried by itself, and only the guilty one gets the error. Reads have a lane
of their own beside it. A storage that never waits needs no lanes: its calls are made where they are asked for.

After each commit whoever subscribed is told the earliest due time that it brought, and that claims were cancelled. So
is it told of what the storage reports from other processes.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import anyio
import msgspec
from anyio.lowlevel import checkpoint

from taskshed._actor import Request, ask, serve
from taskshed._broadcast import Broadcast
from taskshed._clock import ambient_clock
from taskshed._host import Component
from taskshed._loops import sheltered
from taskshed._mailbox import Mailbox
from taskshed._planning import released
from taskshed._records import Record, thaw
from taskshed.datastores._base import Storage
from taskshed.datastores._telling import Telling
from taskshed.datastores._watch import Watch
from taskshed.datastores.commands import (
    Add,
    Added,
    Cancel,
    Change,
    Changed,
    Claimed,
    Command,
    Pause,
    Remove,
    Resume,
    Retry,
    Selection,
    Settle,
    changes,
)
from taskshed.errors import DatastoreUnavailableError, NotRunningError
from taskshed.models import Task

A = TypeVar("A")

Commands = tuple[Command[Any], ...]
Writes = Request[Commands, list[Any]]
Reads = Request[Selection, list[Record]]

_IN_PARTS = (Pause, Resume, Retry, Cancel, Remove)
_MAILBOX_CAPACITY = 1000
_CLOSING_PATIENCE = 5  # seconds for what is under way, for a server may never answer


class DataStore(Component):
    """Keeps tasks; the one source of truth, shared by any number of schedulers and workers.

    It runs from `start` or `async with`, or from the first scheduler or worker that uses it, until the last of them
    has ended.

    Args:
        storage: keeps them.
        readers: how many of its `fetch` may be under way at once.
        immediate: whether it never waits in `execute` and `fetch`.
        server_time: whether a server tells it the time, and not the clock that `open` gets.

    Attributes:
        events: where is told what happens to tasks, as far as this process has a part in it.
    """

    def __init__(
        self, storage: Storage, readers: int = 1, *, immediate: bool = False, server_time: bool = False
    ) -> None:
        super().__init__()
        self._storage = storage
        self._readers = readers
        self.immediate = immediate
        self.events = Broadcast()
        self._telling = Telling(self.events)
        self._server_time = server_time
        self._writes: Mailbox[Writes] | None = None
        self._reads: Mailbox[Reads] | None = None
        self._subscribers: set[Mailbox[Any]] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'running' if self._writes is not None else 'not running'}>"

    async def shutdown(self) -> None:
        """End, once no scheduler and no worker uses it any more."""
        await self._release(self)

    async def ask(self, command: Command[A]) -> A:
        """Carry out one command and return its answer; a change of a big group may take several transactions.

        Raises:
            DatastoreError: it was not carried out.
            NotRunningError: the datastore is not running.
        """
        if self.immediate:
            await checkpoint()
        (answer,) = await self.ask_all((command,))
        while isinstance(command, _IN_PARTS) and isinstance(answer, Changed) and answer.rest is not None:
            rest = msgspec.structs.replace(command, selection=answer.rest)
            (answer,) = await self.ask_all((rest,))
        self._telling.done(command, answer)
        return answer  # type: ignore[no-any-return]  # a command's answer is of its parameter's type

    async def ask_all(self, commands: Commands) -> list[Any]:
        """Carry out commands in one transaction, in order; raises as `ask` does."""
        if self._writes is None:
            raise self._not_running()
        if self.immediate:
            return await self._carry_out(commands)
        return await ask(self._writes, commands, self._give_back)

    async def fetch(self, selection: Selection) -> list[Task]:
        """The selected tasks: by id in the order asked for, else by `run_at`; raises as `ask` does."""
        if self._reads is None:
            raise self._not_running()
        if self.immediate:
            await checkpoint()
            records = await self._storage.fetch(selection)
        else:
            records = await ask(self._reads, selection)
        return [thaw(record) for record in records]

    async def add_within(self, connection: Any, command: Add) -> tuple[Added, list[Task]]:
        """Add in a transaction that the caller has begun: the tasks exist if and only if that commits.

        Returns:
            The answer, and the tasks that were there already and were kept.

        Raises:
            TypeError: this datastore knows no transactions of callers, or `connection` is none of its kind.
            Exception: whatever the connection raises.
        """
        raise TypeError(f"connection: {type(self).__name__} cannot take part in your transaction; an SQLDataStore can")

    @contextmanager
    def subscribed(self, mailbox: Mailbox[Any]) -> Iterator[None]:
        """Tell `mailbox` of each `Change`: something may have become due earlier, or claims were cancelled."""
        self._subscribers.add(mailbox)
        try:
            yield
        finally:
            self._subscribers.discard(mailbox)

    @asynccontextmanager
    async def _lifetime(self) -> AsyncIterator[None]:
        clock = ambient_clock()
        if self._server_time and clock.virtual:
            name = type(self).__name__
            raise RuntimeError(
                f"{name} goes by its server's time, which no virtual clock turns; use memory:// or sqlite://"
            )
        await self._storage.open(clock)
        try:
            async with anyio.create_task_group() as lanes:
                writes: Mailbox[Writes] = Mailbox(_MAILBOX_CAPACITY)
                reads: Mailbox[Reads] = Mailbox(_MAILBOX_CAPACITY)
                watch = Watch(self._storage, type(self).__name__, self._notice)
                lanes.start_soon(sheltered, serve, writes, self._commit)
                for _ in range(self._readers):
                    lanes.start_soon(sheltered, serve, reads, self._read, 1)
                lanes.start_soon(sheltered, watch.run)
                try:
                    await watch.tried.wait()
                    self._writes, self._reads = writes, reads
                    yield
                finally:
                    self._writes = self._reads = None
                    writes.close()
                    reads.close()
                    watch.scope.cancel()
                    lanes.cancel_scope.deadline = anyio.current_time() + _CLOSING_PATIENCE
        finally:
            self.events.end()
            await self._storage.close()

    async def _carry_out(self, commands: Commands) -> list[Any]:
        try:
            answers = await self._storage.execute(commands)
        except Exception as error:
            self._telling.failed(error)
            raise
        self._telling.worked()
        for change in changes(commands, answers):
            await self._notice(change)
        return answers

    async def _commit(self, requests: Sequence[Writes]) -> None:
        commands = [command for request in requests for command in request.message]
        try:
            answers = await self._storage.execute(commands)
        except Exception as error:
            self._telling.failed(error)
            if len(requests) == 1 or isinstance(error, DatastoreUnavailableError):
                for request in requests:
                    request.fail(error)
            else:
                for request in requests:
                    await self._commit([request])
            return
        self._telling.worked()
        rest = iter(answers)
        for request in requests:
            replies = [next(rest) for _ in request.message]
            request.reply(replies)
            if request.abandoned and (release := _release(replies)):
                await self._commit([Request((release,))])
        for change in changes(commands, answers):
            await self._notice(change)

    async def _give_back(self, replies: Sequence[Any]) -> None:
        if release := _release(replies):
            await self.ask(release)

    async def _read(self, requests: Sequence[Reads]) -> None:
        for request in requests:
            try:
                request.reply(await self._storage.fetch(request.message))
            except Exception as error:
                request.fail(error)

    async def _notice(self, change: Change) -> None:
        for mailbox in tuple(self._subscribers):
            try:
                if not mailbox.offer(change):
                    with anyio.CancelScope(shield=True):  # what was done shall be known to who waits for it
                        await mailbox.tell(change)
            except NotRunningError:
                self._subscribers.discard(mailbox)

    def _not_running(self) -> NotRunningError:
        return NotRunningError(f"{type(self).__name__} is not running; start() it or use it in 'async with'")


def _release(replies: Sequence[Any]) -> Settle | None:
    """The command that gives back what was claimed for somebody who was cancelled meanwhile."""
    claims = [reply for reply in replies if isinstance(reply, Claimed)]
    settlements = [released(record) for claim in claims for record in claim.records]
    return Settle(tuple(settlements)) if settlements else None
