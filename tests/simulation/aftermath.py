"""What has to be true when nothing has gone wrong any more for long enough."""

from collections.abc import Iterable
from datetime import timedelta

from simulation.history import History
from simulation.load import Operation
from simulation.processes import Process
from simulation.stores import Server
from simulation.verdicts import Verdicts

from taskshed.workers import EventDrivenWorker

_MICROSECOND = timedelta(microseconds=1)


def unfinished(server: Server, history: History) -> list[str]:
    """The tasks that have something to do that is due; none when all is made up for."""
    left = []
    for record in server.records():
        if record.failed_at is not None or record.paused_at is not None:
            continue
        epoch = history.epochs[record.task_id]
        if epoch.every is None or record.run_at <= server.world.wall - epoch.every:
            left.append(f"{epoch} due {(record.run_at - server.world.wall) / 1e6:+g} s from now: {record}")
    return left


def check_acknowledged(operations: Iterable[Operation], history: History, verdicts: Verdicts) -> None:
    """What was said to be done was done in the meantime, and what was said not to be done was not."""
    for operation in operations:
        until = float("inf") if operation.over_at is None else operation.over_at
        for effect in operation.effects:
            times = [at for at in history.effects.get(effect, ()) if operation.called_at <= at <= until]
            if operation.acknowledged and not times:
                verdicts.fault("acknowledged", f"{effect} was acknowledged and not done")
            if operation.refused and times and effect[0] in ("add", "move"):  # these are like no other
                verdicts.fault("acknowledged", f"{effect} was said not to be done, and was")


def check_awake(processes: Iterable[Process], server: Server, verdicts: Verdicts) -> None:
    """No worker that has room for more sleeps longer than until the earliest due time, or its next look."""
    earliest = server.earliest()
    for process in processes:
        worker = process.worker
        if worker is None or worker._shift is None or earliest is None:
            continue
        agenda = worker._shift.agenda
        if agenda._closing or agenda.running >= worker._settings.max_concurrency:
            continue
        if isinstance(worker, EventDrivenWorker):
            latest = max(earliest, server.world.wall)
        else:
            latest = server.world.wall + worker._polling_interval // _MICROSECOND  # type: ignore[attr-defined]
        if agenda.claim_at is None or agenda.claim_at > latest:
            verdicts.fault("asleep", f"{process} sleeps until {agenda.claim_at}, and {earliest} is the earliest")


def check_at_rest(processes: Iterable[Process], server: Server, verdicts: Verdicts) -> None:
    """Nothing is claimed when nothing runs."""
    for record in server.records():
        if record.leased_until is not None or record.token:
            verdicts.fault("claims", f"{record.task_id} is still claimed, until {record.leased_until}")
    for process in processes:
        worker = process.worker
        if worker is not None and worker._shift is not None and worker._shift.agenda.running:
            verdicts.fault("claims", f"{process} still runs something")


def check_settled(history: History, verdicts: Verdicts) -> None:
    """What ran to its end in a process that lives was settled, or found to be somebody else's."""
    for claim in history.claims.values():
        run = claim.run
        said = claim.settlement_tried or claim.process.gave_up or claim.process.died_at is not None
        if run is not None and run.how in ("ended", "raised") and not said:
            verdicts.fault("settled", f"{run} by {claim.process} {run.how}, and its worker never said so")
