"""What each command does to the tables: blocking calls on a connection, so that a transaction is one hop.

What all databases have in common is here, in SQLAlchemy's terms; each kind adds the rest in its own SQL.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, case, delete, func, null, select, update

from taskshed._clock import Clock
from taskshed._records import Record
from taskshed.datastores._sql._pages import Page, conditions, having_ids, members, page
from taskshed.datastores._sql._rows import record_of
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._trouble import Trouble
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Cancel,
    Changed,
    Claim,
    Claimed,
    Command,
    Failed,
    Lease,
    Move,
    Note,
    Paged,
    Pause,
    Remove,
    Renew,
    Renewed,
    Resume,
    Retry,
    Selection,
    Settle,
)

AnySelection = TypeVar("AnySelection", bound=Selection)


class Sight(NamedTuple):
    """What is seen of a database by those who have to ask whether others have changed anything.

    Attributes:
        next_due: the earliest due time.
        cancellations: how often claims were cancelled.
    """

    next_due: int | None
    cancellations: int


class Database(ABC):
    """One kind of database.

    Attributes:
        isolation_level: of its connections, as SQLAlchemy names it.
        keeps_connections: whether a connection is still good after an error.
        patience: seconds after which a server is to end a transaction of ours in which nothing happens: whoever began it
            is gone, and others wait for its locks. None leaves that to the server.
    """

    isolation_level: ClassVar[str]
    keeps_connections: ClassVar[bool] = False

    patience: float | None = None

    def __init__(self, schema: Schema, clock: Clock) -> None:
        self.schema = schema
        self.tasks = schema.tasks
        self.clock = clock
        columns = schema.tasks.c
        self.record = [columns[name] for name in Record.__struct_fields__]
        self._next_due = select(func.min(columns.due))
        self._sight = select(func.min(columns.due), select(schema.meta.c.cancellations).scalar_subquery())
        self._count_cancellation = update(schema.meta).values(cancellations=schema.meta.c.cancellations + 1)
        self._unpaused = columns.paused_at.is_(None)
        self._awake = case((columns.failed_at.is_(None), func.coalesce(columns.leased_until, columns.run_at)))
        self._carry_out: dict[type[Command[Any]], Callable[[Connection, Any], Any]] = {
            Add: self.add,
            Pause: self.pause,
            Resume: self.resume,
            Retry: self.retry,
            Cancel: self.cancel,
            Move: self.move,
            Remove: self.remove,
            Claim: self.claim,
            Settle: self.settle,
            Renew: self.renew,
            Note: self.note,
        }

    @abstractmethod
    def configure(self, connection: Connection) -> None:
        """Make a new connection what the other calls expect, and refuse a server that is too old."""

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """Commit at the end, or undo everything."""
        try:
            self.begin(connection)
            yield
        except Exception as error:
            trouble = self.trouble(error)
            if trouble is not None and trouble.kind == "lost":  # and with it all that was not committed
                raise Trouble("again", trouble.reason) from error
            self.roll_back(connection)
            raise
        self.commit(connection)

    @abstractmethod
    def begin(self, connection: Connection) -> None: ...

    @abstractmethod
    def commit(self, connection: Connection) -> None: ...

    @abstractmethod
    def roll_back(self, connection: Connection) -> None: ...

    def killing(self, connection: Connection) -> str | None:
        """A statement that ends this connection from another one, where the server would not notice that we hung up."""
        return None

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[None]:
        """See the database, and let go of it at the end."""
        try:
            yield
        except Exception:
            if not connection.invalidated:
                connection.rollback()
            raise
        connection.rollback()

    @abstractmethod
    def alone(self, connection: Connection) -> AbstractContextManager[None]:
        """A transaction, and a lock that keeps others from making tables meanwhile."""

    @abstractmethod
    def trouble(self, error: BaseException) -> Trouble | None:
        """What a driver's error means; None if it says nothing about the database."""

    def execute(self, connection: Connection, commands: Sequence[Command[Any]], origin: str) -> list[Any]:
        """Carry out commands in one transaction; `origin` says who did it to those who are told."""
        with self.transaction(connection):
            return [self.carry_out(connection, command) for command in commands]

    def join(self, connection: Connection, command: Add) -> Added:
        """Add in a transaction that somebody else has begun and will end.

        Raises:
            ValueError: the connection is to another kind of database.
        """
        backend = connection.dialect.name
        if backend.replace("mariadb", "mysql") != self.schema.backend.replace("mariadb", "mysql"):
            raise ValueError(f"connection is to {backend}, and the datastore is in {self.schema.backend}")
        return self.add(connection, command)

    def carry_out(self, connection: Connection, command: Command[Any]) -> Any:
        """Carry out one command in the present transaction and return its answer."""
        return self._carry_out[type(command)](connection, command)

    def fetch(self, connection: Connection, selection: Selection) -> list[Record]:
        """The selected records: by id in the order asked for, else by `run_at`."""
        selection = self._dated(connection, selection)
        query = self.looking(selection).order_by(self.tasks.c.run_at, self.tasks.c.task_id)
        chosen = conditions(self.tasks, selection)
        records = [record_of(row) for condition in chosen for row in connection.execute(query.where(condition))]
        if isinstance(selection, ById):
            found = {record.task_id: record for record in records}
            return [found[task_id] for task_id in dict.fromkeys(selection.task_ids) if task_id in found]
        return records

    def next_due(self, connection: Connection) -> int | None:
        """The earliest due time."""
        due: int | None = connection.execute(self._next_due).scalar()
        return due

    def sight(self, connection: Connection) -> Sight:
        """What is to be seen at a look."""
        return Sight(*connection.execute(self._sight).one())

    def pause(self, connection: Connection, command: Pause) -> Changed:
        part = self._page(connection, command.selection)
        pause = update(self.tasks).where(self._unpaused).values(paused_at=self.now(connection), due=null())
        for chosen in part.chosen:
            connection.execute(pause.where(chosen))
        return Changed(missing=self._missing(connection, command.selection), rest=part.rest)

    def resume(self, connection: Connection, command: Resume) -> Changed:
        part = self._page(connection, command.selection)
        earliest = select(func.min(self._awake)).where(~self._unpaused)
        resume = update(self.tasks).where(~self._unpaused).values(paused_at=null(), due=self._awake)
        resumed: list[int | None] = []
        for chosen in part.chosen:
            resumed.append(connection.execute(earliest.where(chosen)).scalar())
            connection.execute(resume.where(chosen))
        return Changed(
            missing=self._missing(connection, command.selection),
            earliest=min((due for due in resumed if due is not None), default=None),
            rest=part.rest,
        )

    def retry(self, connection: Connection, command: Retry) -> Changed:
        part = self._page(connection, command.selection)
        now = self.now(connection)
        due = case((self._unpaused, now))
        retry = update(self.tasks).where(self.tasks.c.failed_at.is_not(None))
        retry = retry.values(run_at=now, due=due, attempts=0, failed_at=null(), leased_until=null(), token=0)
        retried = sum(connection.execute(retry.where(chosen)).rowcount for chosen in part.chosen)
        missing = self._missing(connection, command.selection)
        return Changed(missing=missing, earliest=now if retried else None, rest=part.rest)

    def cancel(self, connection: Connection, command: Cancel) -> Changed:
        part = self._page(connection, command.selection)
        columns = self.tasks.c
        cancel = update(self.tasks).where(columns.leased_until.is_not(None), columns.cancelled_at.is_(None))
        cancel = cancel.values(cancelled_at=self.now(connection))
        for chosen in part.chosen:
            connection.execute(cancel.where(chosen))
        connection.execute(self._count_cancellation)
        return Changed(missing=self._missing(connection, command.selection), rest=part.rest)

    def remove(self, connection: Connection, command: Remove) -> Changed:
        part = self._page(connection, command.selection)
        for chosen in part.chosen:
            connection.execute(delete(self.tasks).where(chosen))
        return Changed(rest=part.rest)

    def note(self, connection: Connection, command: Note) -> None:
        note = update(self.tasks).where(self.tasks.c.task_id == command.task_id)
        connection.execute(note.values(error=command.error))

    @abstractmethod
    def now(self, connection: Connection) -> int:
        """The store's wall instant."""

    @abstractmethod
    def add(self, connection: Connection, command: Add) -> Added: ...

    @abstractmethod
    def move(self, connection: Connection, command: Move) -> Changed: ...

    @abstractmethod
    def claim(self, connection: Connection, command: Claim) -> Claimed: ...

    @abstractmethod
    def settle(self, connection: Connection, command: Settle) -> tuple[Lease, ...]: ...

    @abstractmethod
    def renew(self, connection: Connection, command: Renew) -> Renewed: ...

    def looking(self, selection: Selection) -> Select[Any]:
        """A query for records, with whatever leads to an index for a selection."""
        return select(*self.record)

    def members(self, selection: Paged) -> Select[Any]:
        """The ids of a selection, in order, in whichever terms lead to an index."""
        return members(self.tasks, selection)

    def _page(self, connection: Connection, selection: Selection) -> Page:
        if isinstance(selection, ById):
            return Page(having_ids(self.tasks, selection.task_ids))
        selection = self._dated(connection, selection)
        return page(connection, self.tasks, self.members(selection), selection)

    def _dated(self, connection: Connection, selection: AnySelection) -> AnySelection:
        """Say by when tasks that are chosen for their age have to have failed."""
        if not isinstance(selection, Failed) or selection.after or not selection.age:
            return selection
        return msgspec.structs.replace(selection, after=str(self.now(connection) - selection.age))

    def _missing(self, connection: Connection, selection: Selection) -> tuple[str, ...]:
        if not isinstance(selection, ById):
            return ()
        existing = self.values(connection, selection.task_ids)
        return tuple(task_id for task_id in dict.fromkeys(selection.task_ids) if task_id not in existing)

    def values(
        self, connection: Connection, task_ids: Sequence[str], *columns: ColumnElement[Any], lock: bool = False
    ) -> dict[str, tuple[Any, ...]]:
        """What columns hold for each of these tasks that exists; with `lock`, until the transaction's end."""
        query = select(self.tasks.c.task_id, *columns)
        if lock:
            query = query.order_by(self.tasks.c.task_id).with_for_update()
        return {
            task_id: tuple(values)
            for chosen in having_ids(self.tasks, task_ids)
            for task_id, *values in connection.execute(query.where(chosen))
        }


def check_version(connection: Connection, *oldest: int) -> None:
    """Refuse a database that lacks what is used."""
    version = connection.dialect.server_version_info or ()
    if version < oldest:
        shown, needed = (".".join(map(str, numbers)) for numbers in (version, oldest))
        raise Trouble("format", f"version {shown} is too old; {needed} is the oldest that TaskShed works with")
