"""The language that datastores speak: one struct for each thing to do, one for each kind of answer.

A store carries out a batch of commands in order, in one transaction. Instants and durations are in
microseconds. The generic parameter of a command is the type of its answer. `Record` is a stored task,
`Settlement` what becomes of a claimed one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from taskshed._planning import Settlement
from taskshed._records import Record

__all__ = [
    "Add",
    "Added",
    "ById",
    "Cancel",
    "Change",
    "Changed",
    "Claim",
    "Claimed",
    "Command",
    "Everything",
    "Failed",
    "InGroup",
    "Lease",
    "Move",
    "Note",
    "Paged",
    "Pause",
    "Record",
    "Remove",
    "Renew",
    "Renewed",
    "Resume",
    "Retry",
    "RunsCancelled",
    "ScheduleChanged",
    "Selection",
    "Settle",
    "Settlement",
    "changes",
    "earliest_due",
]

A = TypeVar("A")


class ById(msgspec.Struct, frozen=True):
    """The tasks with these ids."""

    task_ids: tuple[str, ...]


class InGroup(msgspec.Struct, frozen=True):
    """The tasks of a group; those that are left `after` an earlier command, in words that only their store can read."""

    group_id: str
    after: str = ""


class Everything(msgspec.Struct, frozen=True):
    """All tasks; those that are left `after` an earlier command, in words that only their store can read."""

    after: str = ""


class Failed(msgspec.Struct, frozen=True):
    """The tasks that have failed, `age` ago or longer; those that are left `after` an earlier command, as above."""

    age: int = 0
    after: str = ""


Paged = InGroup | Everything | Failed  # what may take several transactions
Selection = ById | Paged


class Lease(msgspec.Struct, frozen=True):
    """A claimed occurrence: whose token is not the task's own any more has lost it."""

    task_id: str
    token: int


class Added(msgspec.Struct, frozen=True):
    """Answer to `Add`: the ids that existed and were left as they were."""

    kept: tuple[str, ...] = ()


class Renewed(msgspec.Struct, frozen=True):
    """Answer to `Renew`.

    Attributes:
        stale: the leases that were not the task's own any more, which were not renewed.
        cancelled: those whose runs somebody wants to end; they were renewed, for that may take a while.
    """

    stale: tuple[Lease, ...] = ()
    cancelled: tuple[Lease, ...] = ()


class Changed(msgspec.Struct, frozen=True):
    """Answer to a change.

    Attributes:
        missing: the ids that do not exist.
        earliest: the earliest due time that it made.
        rest: what the store left for a transaction of its own, so that a big group does not keep others waiting.
    """

    missing: tuple[str, ...] = ()
    earliest: int | None = None
    rest: Selection | None = None


class Claimed(msgspec.Struct, frozen=True):
    """Answer to `Claim`.

    Attributes:
        now: the store's wall instant at the claim.
        records: what was claimed, in the order in which it was due.
        next_due: the earliest due time that is left, the leases just given included. If it is past although there was
            room for more, somebody else is just about to claim or change what is due.
    """

    now: int
    records: tuple[Record, ...]
    next_due: int | None


class ScheduleChanged(msgspec.Struct, frozen=True):
    """Something may be due at `earliest`, in microseconds since 1970; a hint, not a promise."""

    earliest: int


class RunsCancelled(msgspec.Struct, frozen=True):
    """Claims may have been marked as to be given up; a hint, too."""


Change = ScheduleChanged | RunsCancelled


class Command(msgspec.Struct, Generic[A], frozen=True):
    """Something to do, answered with an `A`."""


class Add(Command[Added], frozen=True):
    """Store tasks. With `replace`, one with a taken id takes that place and older claims of it become stale."""

    records: tuple[Record, ...]
    replace: bool = True


class Pause(Command[Changed], frozen=True):
    """Make tasks not due until resumed; runs that have begun go on. Pausing twice keeps the first time."""

    selection: Selection


class Resume(Command[Changed], frozen=True):
    """Make paused tasks due again."""

    selection: Selection


class Move(Command[Changed], frozen=True):
    """Give tasks a new `run_at`, by id. Claims of them become stale, and failed ones are scheduled anew."""

    times: dict[str, int]


class Retry(Command[Changed], frozen=True):
    """Let failed tasks run now, as if for the first time; those that have not failed are left as they are."""

    selection: Selection


class Cancel(Command[Changed], frozen=True):
    """Mark the claims of tasks as to be given up; tasks that nobody has claimed are left as they are.

    The mark lasts as long as the claim: whoever claims the task when its lease has run out finds it, too.
    """

    selection: Selection


class Remove(Command[Changed], frozen=True):
    """Delete tasks; ids that do not exist are ignored."""

    selection: Selection


class Claim(Command[Claimed], frozen=True):
    """Take up to `limit` due occurrences for `lease`: each gets a new, greater token and one attempt more."""

    limit: int
    lease: int


class Settle(Command[tuple[Lease, ...]], frozen=True):
    """End claimed occurrences; the answer names those whose token was stale, which changed nothing.

    The `child` of a settlement that counts is added with it, all or nothing. A store that has to may give it another
    id.
    """

    settlements: tuple[Settlement, ...]


class Renew(Command[Renewed], frozen=True):
    """Let leases end `lease` from now."""

    leases: tuple[Lease, ...]
    lease: int


class Note(Command[None], frozen=True):
    """Keep a failure's text with a task, claimed or not; one that does not exist is ignored."""

    task_id: str
    error: str


def changes(commands: Sequence[Command[Any]], answers: Sequence[Any]) -> Iterator[Change]:
    """What commands that were carried out mean to whoever waits."""
    times = [due for pair in zip(commands, answers, strict=True) if (due := earliest_due(*pair)) is not None]
    if times:
        yield ScheduleChanged(min(times))
    if any(isinstance(command, Cancel) for command in commands):
        yield RunsCancelled()


def earliest_due(command: Command[Any], answer: Any) -> int | None:
    """The earliest due time that a command may have brought into being, for whoever waits for one."""
    match command, answer:
        case Add(records=records), _:
            return min((due for record in records if (due := record.due) is not None), default=None)
        case Settle(settlements=settlements), _:
            moved = [item.run_at for item in settlements if item.outcome not in ("done", "failed")]
            children = [item.child.run_at for item in settlements if item.child is not None]
            return min(moved + children, default=None)
        case _, Changed(earliest=earliest):
            return earliest
        case _:
            return None
