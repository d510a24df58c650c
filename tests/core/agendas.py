"""What a datastore could answer to an agenda, for the tests of agendas."""

from collections.abc import Sequence
from typing import Any

from taskshed._body import Body
from taskshed._planning import Ending, Run, Settlement, settle
from taskshed._progress import Progress
from taskshed._records import Record
from taskshed.datastores.commands import Claim, Claimed, Command, Lease, Renew, Renewed, Settle
from taskshed.workers._agenda import Agenda, Plan
from taskshed.workers._event_driven import wake_when_due
from taskshed.workers._looks import WakeRule

SECOND = 1_000_000
LEASE = 30 * SECOND


def new_agenda(
    size: int = 3, now: int = 0, rule: WakeRule = wake_when_due, lease: int = LEASE, retention: int | None = None
) -> Agenda:
    """An agenda with nothing on it yet but to look."""
    return Agenda(rule, size, lease, now, retention)


def claimed(*task_ids: str, token: int = 1) -> tuple[Record, ...]:
    """Occurrences of these tasks, claimed."""
    return tuple(Record(task_id=task_id, body="", run_at=0, token=token, attempts=1) for task_id in task_ids)


def leases(records: Sequence[Record]) -> set[Lease]:
    """What a worker has to show for them."""
    return {Lease(record.task_id, record.token) for record in records}


def ended(record: Record, ending: Ending = "succeeded") -> Settlement:
    """The end of a run."""
    run = Run(record=record, body=Body("ring"), progress=Progress(), at=record.run_at, delay=0, begun=0)
    return settle(run, ending, 0)


def answer(
    agenda: Agenda,
    plan: Plan,
    now: int,
    records: tuple[Record, ...] = (),
    next_due: int | None = None,
    lost: Sequence[Record] = (),
    cancelled: Sequence[Record] = (),
    theirs: int | None = None,
) -> tuple[Record, ...]:
    """Let the agenda have the datastore's answers to a plan.

    Args:
        lost, cancelled: what it says of these leases.
        theirs: what its clock shows, if that is not ours.
    """

    def one(command: Command[Any]) -> Any:
        match command:
            case Claim():
                return Claimed(now if theirs is None else theirs, records, next_due)
            case Renew():
                return Renewed(stale=tuple(leases(lost)), cancelled=tuple(leases(cancelled)))
            case Settle():
                return tuple(leases(lost))
            case _:
                return None

    return agenda.exchanged(plan.commands, [one(command) for command in plan.commands], now)


def at_work(*task_ids: str, size: int = 3, next_due: int | None = None) -> tuple[Agenda, tuple[Record, ...]]:
    """An agenda that has claimed occurrences of these tasks at 0, and what it claimed."""
    agenda = new_agenda(size)
    return agenda, answer(agenda, agenda.plan(0), 0, claimed(*task_ids), next_due)
