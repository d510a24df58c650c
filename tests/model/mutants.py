"""Stores with one thing wrong each, to see that the state machine finds it."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores import DataStore
from taskshed.datastores._memory import MemoryStorage
from taskshed.datastores.commands import (
    Add,
    Added,
    Cancel,
    Changed,
    Claim,
    Claimed,
    Command,
    InGroup,
    Lease,
    Move,
    Note,
    Pause,
    Remove,
    Renew,
    Renewed,
    Resume,
    Retry,
    ScheduleChanged,
    Selection,
    Settle,
)


def _overridable(name: str) -> Any:
    return lambda storage, command: getattr(storage, name)(command)


class Mutant(MemoryStorage):
    """The memory store, of which a method may be overridden."""

    _CARRY_OUT: ClassVar[dict[type[Command[Any]], Any]] = {
        kind: _overridable(f"_{kind.__name__.lower()}") for kind in MemoryStorage._CARRY_OUT
    }


class ForgetsTheLeaseOnMove(Mutant):
    """What was moved is due then, but who had claimed it may still settle it."""

    def _move(self, command: Move) -> Changed:
        tokens = {name: self._records[name].token for name in command.times if name in self._records}
        changed = super()._move(command)
        for name, token in tokens.items():
            self._records[name].token = token
        return changed


class ClaimsWhatIsPaused(Mutant):
    def _pause(self, command: Pause) -> Changed:
        changed = super()._pause(command)
        for record in self._select(command.selection):
            if record.leased_until is not None:
                self._due.set(record.task_id, record.leased_until)
        return changed


class ForgetsThatItIsPausedWhenSettled(Mutant):
    def _write(self, record: Record, settlement: Settlement) -> None:
        record.paused_at = None
        super()._write(record, settlement)


class NextDueMissesTheLeasesJustGiven(Mutant):
    def _claim(self, command: Claim) -> Claimed:
        claimed = super()._claim(command)
        given = {record.task_id for record in claimed.records}
        left = [due for record in self._records.values() if (due := record.due) and record.task_id not in given]
        return msgspec.structs.replace(claimed, next_due=min(left, default=None))


class GivesATokenTwice(Mutant):
    """It begins anew when it is empty."""

    def _remove(self, command: Remove) -> Changed:
        changed = super()._remove(command)
        if not self._records:
            self._last_token = 0
        return changed


class GivesTokensAnewWhenOpened(Mutant):
    async def close(self) -> None:
        self._last_token = 0


class TakesTheLastOfTwoSettlements(Mutant):
    def _settle(self, command: Settle) -> tuple[Lease, ...]:
        last = {Lease(item.task_id, item.token): item for item in command.settlements}
        return super()._settle(Settle(tuple(last.values())))


class AddsTheChildOfAStaleSettlement(Mutant):
    def _settle(self, command: Settle) -> tuple[Lease, ...]:
        stale = super()._settle(command)
        for item in command.settlements:
            if item.child is not None and Lease(item.task_id, item.token) in stale:
                self._store(msgspec.structs.replace(item.child))
        return stale


class LosesTheChildOfADoneTask(Mutant):
    def _settle(self, command: Settle) -> tuple[Lease, ...]:
        items = [
            msgspec.structs.replace(item, child=None) if item.outcome == "done" else item
            for item in command.settlements
        ]
        return super()._settle(Settle(tuple(items)))


class TakesALeaseForOverAMomentTooLate(Mutant):
    """A lease should be over at its end, and not only after it."""

    def _claim(self, command: Claim) -> Claimed:
        at_their_end = [record for record in self._records.values() if record.leased_until == self._clock.now()]
        for record in at_their_end:
            self._due.set(record.task_id, None)
        claimed = super()._claim(command)
        for record in at_their_end:
            self._due.set(record.task_id, record.due)
        return claimed


class ClaimsOneTooFew(Mutant):
    """It leaves something due behind although there was room."""

    def _claim(self, command: Claim) -> Claimed:
        return super()._claim(msgspec.structs.replace(command, limit=min(command.limit, 3)))


class ClaimsByName(Mutant):
    """Not in due order."""

    def _claim(self, command: Claim) -> Claimed:
        claimed = super()._claim(command)
        records = sorted(claimed.records, key=lambda record: record.task_id)
        return msgspec.structs.replace(claimed, records=tuple(records))


class RenewsWhatWasLost(Mutant):
    """It looks at the task, and not at the token."""

    def _renew(self, command: Renew) -> Renewed:
        running = {name: record.token for name, record in self._records.items() if record.token}
        leases = [Lease(lease.task_id, running.get(lease.task_id, lease.token)) for lease in command.leases]
        return super()._renew(Renew(tuple(leases), command.lease))


class CancelsWhatNobodyRuns(Mutant):
    """The next to claim it would not run it."""

    def _cancel(self, command: Cancel) -> Changed:
        changed = super()._cancel(command)
        for record in self._select(command.selection):
            record.cancelled_at = self._clock.now() if record.cancelled_at is None else record.cancelled_at
        return changed


class ForgetsACancellationWithTheWorker(Mutant):
    """Whoever claims it when the lease has run out runs it again."""

    def _claim(self, command: Claim) -> Claimed:
        claimed = super()._claim(command)
        for record in claimed.records:
            record.cancelled_at = self._records[record.task_id].cancelled_at = None
        return claimed


class CancelsTheNextRunToo(Mutant):
    def _write(self, record: Record, settlement: Settlement) -> None:
        cancelled_at = record.cancelled_at
        super()._write(record, settlement)
        record.cancelled_at = cancelled_at


class RetriesWhatHasNotFailed(Mutant):
    def _retry(self, command: Retry) -> Changed:
        for record in self._select(command.selection):
            if record.failed_at is None and record.leased_until is None:
                record.failed_at = 0
        return super()._retry(command)


class WakesNobodyOnResume(Mutant):
    def _resume(self, command: Resume) -> Changed:
        return msgspec.structs.replace(super()._resume(command), earliest=None)


class LeavesWhatWasReplacedInItsGroup(Mutant):
    def _add(self, command: Add) -> Added:
        old = {name: members.copy() for name, members in self._groups.items()}
        added = super()._add(command)
        for name, members in old.items():
            self._groups.setdefault(name, {}).update({key: None for key in members if key in self._records})
        return added

    def _forget(self, record: Record) -> None:
        super()._forget(record)
        for members in self._groups.values():
            members.pop(record.task_id, None)


class ClearsTheErrorWithTheNextRun(Mutant):
    def _write(self, record: Record, settlement: Settlement) -> None:
        if settlement.outcome == "next":
            record.error = None
        super()._write(record, settlement)


class NotesNothingWithWhatIsClaimed(Mutant):
    def _note(self, command: Note) -> None:
        record = self._records.get(command.task_id)
        if record is not None and not record.token:
            super()._note(command)


class LosesAPausedGroupWhenOpened(Mutant):
    async def close(self) -> None:
        for record in [record for record in self._select(InGroup("g")) if record.paused_at is not None]:
            self._forget(record)


class FetchesAGroupByName(Mutant):
    async def fetch(self, selection: Selection) -> list[Record]:
        found = await super().fetch(selection)
        return sorted(found, key=lambda record: record.task_id) if isinstance(selection, InGroup) else found


class DoesTheLastCommandOfABatchFirst(Mutant):
    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        *others, last = commands
        first = await super().execute([last])
        return await super().execute(others) + first


class ChangesWhatItHandedOut(Mutant):
    """It gives its own records away, and not copies of them."""

    async def fetch(self, selection: Selection) -> list[Record]:
        return list(self._select(selection))


class TellsTheLatest(DataStore):
    """Whoever sleeps until the earliest would sleep too long."""

    def __init__(self) -> None:
        super().__init__(MemoryStorage(), immediate=True)

    async def _carry_out(self, commands: tuple[Command[Any], ...]) -> list[Any]:
        answers: list[Any] = []
        for command in commands:
            answers += await self._storage.execute((command,))
        times = [record.run_at for command in commands if isinstance(command, Add) for record in command.records]
        if times:
            await self._notice(ScheduleChanged(max(times)))
        return answers
