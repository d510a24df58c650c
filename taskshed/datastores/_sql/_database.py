"""What each command does to the tables: blocking calls on a connection, so that a transaction is one hop.

What all databases have in common is here, in SQLAlchemy's terms; each kind adds the rest in its own SQL.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

from sqlalchemy import Connection, case, delete, func, null, select, update

from taskshed._clock import Clock
from taskshed.datastores._sql._schema import Schema
from taskshed.datastores._sql._tables import Tables
from taskshed.datastores._trouble import Trouble
from taskshed.datastores.commands import (
    Add,
    Added,
    Cancel,
    Changed,
    Claim,
    Claimed,
    Command,
    Lease,
    Move,
    Note,
    Pause,
    Remove,
    Renew,
    Renewed,
    Resume,
    Retry,
    Settle,
)


class Database(Tables):
    """One kind of database.

    Attributes:
        isolation_level: of its connections, as SQLAlchemy names it.
        keeps_connections: whether a connection is still good after an error.
        patience: seconds after which a server is to end a transaction of ours in which nothing happens, since others
            wait for its locks and whoever began it is gone. None leaves that to the server.
    """

    isolation_level: ClassVar[str]
    keeps_connections: ClassVar[bool] = False

    patience: float | None = None

    def __init__(self, schema: Schema, clock: Clock) -> None:
        super().__init__(schema)
        self.clock = clock
        columns = schema.tasks.c
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

    def pause(self, connection: Connection, command: Pause) -> Changed:
        part = self.page(connection, command.selection)
        pause = update(self.tasks).where(self._unpaused).values(paused_at=self.now(connection), due=null())
        for chosen in part.chosen:
            connection.execute(pause.where(chosen))
        return Changed(missing=self.missing(connection, command.selection), rest=part.rest)

    def resume(self, connection: Connection, command: Resume) -> Changed:
        part = self.page(connection, command.selection)
        earliest = select(func.min(self._awake)).where(~self._unpaused)
        resume = update(self.tasks).where(~self._unpaused).values(paused_at=null(), due=self._awake)
        resumed: list[int | None] = []
        for chosen in part.chosen:
            resumed.append(connection.execute(earliest.where(chosen)).scalar())
            connection.execute(resume.where(chosen))
        return Changed(
            missing=self.missing(connection, command.selection),
            earliest=min((due for due in resumed if due is not None), default=None),
            rest=part.rest,
        )

    def retry(self, connection: Connection, command: Retry) -> Changed:
        part = self.page(connection, command.selection)
        now = self.now(connection)
        due = case((self._unpaused, now))
        retry = update(self.tasks).where(self.tasks.c.failed_at.is_not(None))
        retry = retry.values(run_at=now, due=due, attempts=0, failed_at=null(), leased_until=null(), token=0)
        retried = sum(connection.execute(retry.where(chosen)).rowcount for chosen in part.chosen)
        missing = self.missing(connection, command.selection)
        return Changed(missing=missing, earliest=now if retried else None, rest=part.rest)

    def cancel(self, connection: Connection, command: Cancel) -> Changed:
        part = self.page(connection, command.selection)
        columns = self.tasks.c
        cancel = update(self.tasks).where(columns.leased_until.is_not(None), columns.cancelled_at.is_(None))
        cancel = cancel.values(cancelled_at=self.now(connection))
        for chosen in part.chosen:
            connection.execute(cancel.where(chosen))
        connection.execute(self._count_cancellation)
        return Changed(missing=self.missing(connection, command.selection), rest=part.rest)

    def remove(self, connection: Connection, command: Remove) -> Changed:
        part = self.page(connection, command.selection)
        for chosen in part.chosen:
            connection.execute(delete(self.tasks).where(chosen))
        return Changed(rest=part.rest)

    def note(self, connection: Connection, command: Note) -> None:
        note = update(self.tasks).where(self.tasks.c.task_id == command.task_id)
        connection.execute(note.values(error=command.error))

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


def check_version(connection: Connection, *oldest: int) -> None:
    """Refuse a database that lacks what is used."""
    version = connection.dialect.server_version_info or ()
    if version < oldest:
        shown, needed = (".".join(map(str, numbers)) for numbers in (version, oldest))
        raise Trouble("format", f"version {shown} is too old; {needed} is the oldest that TaskShed works with")
