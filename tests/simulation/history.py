"""What really happened: the store's changes in their order, and the runs, and what of it should not have been.

A task's life is a row of *epochs*. One begins when the task is added, takes another's place or is moved, and a claim
counts in the epoch in which it was made only. In an epoch, one occurrence runs at a time.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from simulation.processes import GoneError, Process
from simulation.verdicts import Verdicts
from simulation.world import SECOND, World

from taskshed._body import body_of
from taskshed._clock import duration_micros, to_micros
from taskshed._records import Record
from taskshed.datastores.commands import (
    Add,
    ById,
    Claimed,
    Command,
    Lease,
    Move,
    Pause,
    Remove,
    Renew,
    Resume,
    Settle,
    Settlement,
)
from taskshed.datastores.commands import Claim as ClaimCommand
from taskshed.models import Occurrence

DIED = "the worker died in the last of"  # what is said of a task that is out of attempts although it never raised


class Epoch:
    """A task as it was added or moved.

    Attributes:
        generation: tells apart the tasks that took each other's place.
        settled: the occurrences that are settled, by their `run_at`.
    """

    def __init__(self, record: Record, generation: int, since: int) -> None:
        body = body_of(record.body)
        self.task_id = record.task_id
        self.generation = generation
        self.since = since
        self.overlap = body.overlap
        self.coalesce = body.coalesce
        self.every = None if body.schedule is None else duration_micros(body.schedule.every)  # type: ignore[union-attr]
        self.settled: set[int] = set()
        self.failed = False
        self.over = False
        self.active: list[Run] = []

    def __str__(self) -> str:
        return f"{self.task_id}.{self.generation}"


class Claim:
    """A claim that the store has given.

    Attributes:
        leases: when it was given and renewed, and until when it then held.
    """

    def __init__(self, process: Process, record: Record, epoch: Epoch, now: int, until: int) -> None:
        self.process = process
        self.run_at = record.run_at
        self.token = record.token
        self.epoch = epoch
        self.leases = [(now, until)]
        self.run: Run | None = None
        self.settlement_tried = False


class Run:
    """A run of a callback.

    Attributes:
        begun: when, in truth.
        begun_by_worker: when, as its worker has it.
        at: of the occurrences that it is for the last.
        how: how it ended: "ended", "raised", "cancelled" or "gone", with its process.
    """

    def __init__(self, claim: Claim, occurrence: Occurrence, now: int) -> None:
        self.claim = claim
        self.begun = now
        self.at = to_micros(occurrence.run_at)
        self.begun_by_worker = to_micros(occurrence.run_at + occurrence.delayed + occurrence.lag)
        self.over_at: int | None = None
        self.how: str | None = None

    def __str__(self) -> str:
        return f"{self.claim.epoch} at {(self.at - self.claim.process.world.wall) / SECOND:+.3f} s"

    @property
    def end(self) -> float:
        """When it ended, in truth."""
        return float("inf") if self.over_at is None else self.over_at


class History:
    """Hears of everything, and gathers what should not have happened."""

    def __init__(self, world: World, verdicts: Verdicts) -> None:
        self.world = world
        self.verdicts = verdicts
        self.epochs: dict[str, Epoch] = {}
        self.claims: dict[tuple[str, int], Claim] = {}
        self.effects: dict[tuple[Any, ...], list[int]] = {}
        self.counts: Counter[str] = Counter()

    # What the store did.

    def done(
        self, process: Process, command: Command[Any], answer: Any, before: dict[str, Record], after: dict[str, Record]
    ) -> None:
        """The store has carried out a command; `before` and `after` are the records that it names."""
        match command:
            case Add(records=records):
                self._added(records, after)
            case Move(times=times):
                for task_id in before:
                    self._begin_epoch(after[task_id])
                    self._effect("move", task_id, times[task_id])
            case Remove(selection=selection):
                for task_id in before:
                    self._end_epoch(task_id)
                for task_id in selection.task_ids if isinstance(selection, ById) else ():
                    self._effect("remove", task_id)
            case Pause() | Resume():
                for task_id in before:
                    self._effect(type(command).__name__.lower(), task_id)
            case _:
                self._claims_changed(process, command, answer)

    def _claims_changed(self, process: Process, command: Command[Any], answer: Any) -> None:
        match command:
            case ClaimCommand():
                for record in answer.records:
                    self._claimed(process, record)
            case Renew(leases=leases, lease=lease):
                self._renewed(leases, answer.stale, lease)
            case Settle(settlements=settlements):
                for settlement in settlements:
                    self._settled(settlement, Lease(settlement.task_id, settlement.token) in answer)

    def _added(self, records: Sequence[Record], after: dict[str, Record]) -> None:
        for record in records:
            if after[record.task_id].body == record.body:  # else another was there, and kept
                self._begin_epoch(after[record.task_id])
                self._effect("add", record.task_id, self.epochs[record.task_id].generation)

    def _effect(self, *what: Any) -> None:
        self.effects.setdefault(what, []).append(self.world.now)

    def _begin_epoch(self, record: Record) -> None:
        self._end_epoch(record.task_id)
        generation = msgspec.json.decode(body_of(record.body).kwargs)["generation"]
        self.epochs[record.task_id] = Epoch(record, generation, self.world.now)

    def _end_epoch(self, task_id: str) -> None:
        epoch = self.epochs.pop(task_id, None)
        if epoch is not None:
            epoch.over = True

    def _claimed(self, process: Process, record: Record) -> None:
        epoch = self.epochs[record.task_id]
        if record.run_at > self.world.wall or record.paused_at is not None or record.failed_at is not None:
            self.verdicts.fault("early", f"{epoch} was claimed although it is not due")
        until = record.leased_until
        assert until is not None
        self.claims[record.task_id, record.token] = Claim(process, record, epoch, self.world.wall, until)
        self.counts["claims"] += 1

    def _renewed(self, leases: Sequence[Lease], stale: Sequence[Lease], lease: int) -> None:
        for one in leases:
            claim = self.claims.get((one.task_id, one.token))
            if claim is not None and one not in stale:
                claim.leases.append((self.world.wall, self.world.wall + lease))

    def _settled(self, settlement: Settlement, stale: bool) -> None:
        claim = self.claims.get((settlement.task_id, settlement.token))
        if claim is None:
            self.verdicts.fault("settled", f"{settlement.task_id} with a token that was never given")
            return
        claim.settlement_tried = True
        if stale:
            return
        epoch, run = claim.epoch, claim.run
        if epoch.over:
            self.verdicts.fault("lost", f"{epoch}: an old claim settled it after it was moved, replaced or removed")
        self.counts[settlement.outcome] += 1
        match settlement.outcome:
            case "done":
                self._expect(run, "ended", epoch)
                self._end_epoch(epoch.task_id)
            case "retry":
                self._expect(run, "raised", epoch)
            case "failed":
                self._failed(run, epoch, settlement.error or "")
            case "next":
                self._went_on(claim, settlement)
            case "released" if run is not None and run.how != "cancelled":
                self.verdicts.fault("settled", f"{epoch} was given back although it {run.how or 'runs'}")
        if settlement.outcome != "released":
            epoch.settled.add(claim.run_at)

    def _failed(self, run: Run | None, epoch: Epoch, error: str) -> None:
        if run is not None or DIED not in error:
            self._expect(run, "raised", epoch)
        epoch.failed = True

    def _expect(self, run: Run | None, how: str, epoch: Epoch) -> None:
        if run is None or run.how != how:
            what = "never ran" if run is None else run.how or "still runs"
            self.verdicts.fault("lost", f"{epoch} was settled as if it had {how}, but it {what}")

    def _went_on(self, claim: Claim, settlement: Settlement) -> None:
        """Each occurrence from that which was claimed to the next has run, or was passed over with reason."""
        epoch, run = claim.epoch, claim.run
        if run is None or run.how not in ("ended", "raised") or epoch.every is None:
            self.verdicts.fault("lost", f"{epoch} went on without a run")
            return
        run_for = claim.run_at
        if epoch.coalesce:
            run_for = run.at
            if not claim.run_at <= run.at <= run.begun:
                self.verdicts.fault("lost", f"{run} is for {run.at}, which is not due")
        elif run.at != claim.run_at:
            self.verdicts.fault("lost", f"{run} is not for the occurrence that was claimed, {claim.run_at}")
        if (settlement.run_at - claim.run_at) % epoch.every or settlement.run_at <= run_for:
            self.verdicts.fault("lost", f"{epoch} went to {settlement.run_at}, which is not on its grid")
        for at in range(run_for + epoch.every, settlement.run_at, epoch.every):
            if epoch.overlap != "skip" or not run.begun_by_worker < at <= run.end:
                self.verdicts.fault("lost", f"{epoch}: its occurrence at {at} was passed over")

    # What the workers did.

    def delivered(self, process: Process, commands: Sequence[Command[Any]], answers: Sequence[Any]) -> None:
        """A process has got the answers to its commands."""
        for answer in answers:
            if isinstance(answer, Claimed):
                for record in answer.records:
                    process.claims[record.task_id] = self.claims[record.task_id, record.token]

    def begins(self, process: Process, generation: int, occurrence: Occurrence) -> Run:
        """A callback begins.

        Raises:
            GoneError: its process has crashed, so it does not.
        """
        if process.dead:
            raise GoneError("the process has crashed")
        claim = process.claims[occurrence.task_id]
        run = Run(claim, occurrence, self.world.wall)
        epoch = claim.epoch
        self.world.note(process, f"begins {run}, attempt {occurrence.attempt}")
        self.counts["runs"] += 1
        if epoch.generation != generation or claim.run is not None:
            self.verdicts.fault("twice", f"{run} began twice by one claim")
        claim.run = run
        if run.at > self.world.wall or run.begun_by_worker > self.world.wall:
            self.verdicts.fault("early", f"{run} began before its time")
        if claim.run_at in epoch.settled and not epoch.over:
            self.verdicts.ran_again(run)
        for other in epoch.active:
            self.verdicts.ran_beside(other, run)
        epoch.active.append(run)
        return run

    def ends(self, run: Run, how: str) -> None:
        """A callback has ended."""
        if run.how is not None:
            return
        process = run.claim.process
        run.how = "gone" if process.dead else how
        run.over_at = self.world.wall
        run.claim.epoch.active.remove(run)
        if not process.dead:
            self.world.note(process, f"{how} {run}")
            self.counts[f"runs {how}"] += 1

    def crashed(self, process: Process) -> None:
        """A process is gone, and its runs with it."""
        for claim in process.claims.values():
            if claim.run is not None and claim.run.how is None:
                self.ends(claim.run, "gone")
