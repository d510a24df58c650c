"""What a store has to provide; everything else is done once, in front of it, by `DataStore`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from taskshed._clock import Clock
from taskshed._records import Record
from taskshed.datastores.commands import Change, Command, Selection

Notice = Callable[[Change | None], Awaitable[None]]


class Storage(Protocol):
    """The storage protocol. `taskshed.testing.conformance` checks an implementation of it.

    Its calls come from one task each: `execute` from the write lane, `fetch` from the read lanes,
    `watch` from another; a cancelled one must leave nothing half done.
    """

    async def open(self, clock: Clock) -> None:
        """Connect, and create or check what is stored. `clock` is the time of a store that has no server.

        Raises:
            DatastoreError: it cannot be used; nothing was changed.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; the tasks stay."""
        ...

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        """Carry out commands in order, all or none of them, and return their answers.

        Raises:
            DatastoreError: nothing was changed.
        """
        ...

    async def fetch(self, selection: Selection) -> list[Record]:
        """Copies of the stored tasks: by id in the order asked for, else by `run_at`. Never waits for `execute`."""
        ...

    async def watch(self, notice: Notice) -> None:
        """Report the earliest due time whenever somebody else may have changed it, and when they have cancelled claims.

        It reports once when it begins to watch, None if nothing is due ever, and goes on until it is cancelled. A store
        that nobody else can reach returns at once.
        """
        ...
