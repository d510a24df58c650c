"""Tasks in the memory of this process: the reference implementation of a store."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any, ClassVar

from taskshed._clock import Clock
from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores._actor import DataStore
from taskshed.datastores._base import Notice
from taskshed.datastores._due_heap import DueHeap
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Cancel,
    Changed,
    Claim,
    Claimed,
    Command,
    Everything,
    Failed,
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
    Selection,
    Settle,
)


class MemoryStorage:
    """A dict of records, an index of groups and a heap of due times."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._groups: dict[str, dict[str, None]] = {}
        self._failed: dict[str, None] = {}
        self._due = DueHeap()
        self._last_token = 0

    async def open(self, clock: Clock) -> None:
        self._clock = clock

    async def close(self) -> None:
        pass

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        return [self._CARRY_OUT[type(command)](self, command) for command in commands]

    async def fetch(self, selection: Selection) -> list[Record]:
        found = [copy(record) for record in self._select(selection)]
        return found if isinstance(selection, ById) else sorted(found, key=lambda record: record.run_at)

    async def watch(self, notice: Notice) -> None:
        pass

    def _add(self, command: Add) -> Added:
        kept = []
        for record in command.records:
            existing = self._records.get(record.task_id)
            if existing is not None and not command.replace:
                kept.append(record.task_id)
                continue
            if existing is not None:
                self._forget(existing)
            self._store(copy(record))
        return Added(kept=tuple(kept))

    def _pause(self, command: Pause) -> Changed:
        now = self._clock.now()
        for record in self._select(command.selection):
            if record.paused_at is None:
                record.paused_at = now
                self._index(record)
        return Changed(missing=self._missing(command.selection))

    def _resume(self, command: Resume) -> Changed:
        resumed = [record for record in self._select(command.selection) if record.paused_at is not None]
        for record in resumed:
            record.paused_at = None
            self._index(record)
        return Changed(missing=self._missing(command.selection), earliest=_earliest(resumed))

    def _move(self, command: Move) -> Changed:
        selection = ById(tuple(command.times))
        moved = list(self._select(selection))
        for record in moved:
            self._begin_anew(record, command.times[record.task_id])
        return Changed(missing=self._missing(selection), earliest=_earliest(moved))

    def _retry(self, command: Retry) -> Changed:
        now = self._clock.now()
        retried = [record for record in self._select(command.selection) if record.failed_at is not None]
        for record in retried:
            self._begin_anew(record, now)
        return Changed(missing=self._missing(command.selection), earliest=_earliest(retried))

    def _cancel(self, command: Cancel) -> Changed:
        now = self._clock.now()
        for record in self._select(command.selection):
            if record.leased_until is not None and record.cancelled_at is None:
                record.cancelled_at = now
        return Changed(missing=self._missing(command.selection))

    def _remove(self, command: Remove) -> Changed:
        for record in list(self._select(command.selection)):
            self._forget(record)
        return Changed()

    def _claim(self, command: Claim) -> Claimed:
        now = self._clock.now()
        self._last_token += 1
        claimed: list[Record] = []
        while len(claimed) < command.limit and (task_id := self._due.pop(now)) is not None:
            record = self._records[task_id]
            record.token = self._last_token
            record.attempts += 1
            record.leased_until = now + command.lease
            claimed.append(copy(record))
        for record in claimed:  # only now, so that a lease of no length is not claimed twice at once
            self._index(record)
        return Claimed(now=now, records=tuple(claimed), next_due=self._due.earliest())

    def _settle(self, command: Settle) -> tuple[Lease, ...]:
        stale = []
        for settlement in command.settlements:
            record = self._records.get(settlement.task_id)
            if record is None or record.token != settlement.token:
                stale.append(Lease(settlement.task_id, settlement.token))
                continue
            if settlement.outcome == "done":
                self._forget(record)
            else:
                self._write(record, settlement)
            if settlement.child is not None:
                self._store(copy(settlement.child))
        return tuple(stale)

    def _renew(self, command: Renew) -> Renewed:
        until = self._clock.now() + command.lease
        stale, cancelled = [], []
        for lease in command.leases:
            record = self._records.get(lease.task_id)
            if record is None or record.token != lease.token:
                stale.append(lease)
            else:
                record.leased_until = until
                self._index(record)
                if record.cancelled_at is not None:
                    cancelled.append(lease)
        return Renewed(stale=tuple(stale), cancelled=tuple(cancelled))

    def _note(self, command: Note) -> None:
        record = self._records.get(command.task_id)
        if record is not None:
            record.error = command.error

    _CARRY_OUT: ClassVar[dict[type[Command[Any]], Any]] = {
        Add: _add,
        Pause: _pause,
        Resume: _resume,
        Move: _move,
        Retry: _retry,
        Cancel: _cancel,
        Remove: _remove,
        Claim: _claim,
        Settle: _settle,
        Renew: _renew,
        Note: _note,
    }

    def _write(self, record: Record, settlement: Settlement) -> None:
        record.leased_until = record.cancelled_at = None
        record.token = 0
        record.run_at = settlement.run_at
        record.attempts = settlement.attempts
        record.failed_at = self._clock.now() if settlement.outcome == "failed" else None
        record.error = record.error if settlement.error is None else settlement.error
        record.progress = settlement.progress
        self._index(record)

    def _begin_anew(self, record: Record, run_at: int) -> None:
        record.run_at = run_at
        record.leased_until = record.cancelled_at = record.failed_at = None
        record.attempts = record.token = 0
        self._index(record)

    def _index(self, record: Record) -> None:
        self._due.set(record.task_id, record.due)
        if record.failed_at is None:
            self._failed.pop(record.task_id, None)
        else:
            self._failed[record.task_id] = None

    def _store(self, record: Record) -> None:
        self._records[record.task_id] = record
        if record.group_id is not None:
            self._groups.setdefault(record.group_id, {})[record.task_id] = None
        self._index(record)

    def _forget(self, record: Record) -> None:
        del self._records[record.task_id]
        self._due.set(record.task_id, None)
        self._failed.pop(record.task_id, None)
        if record.group_id is not None:
            members = self._groups[record.group_id]
            del members[record.task_id]
            if not members:
                del self._groups[record.group_id]

    def _select(self, selection: Selection) -> Iterator[Record]:
        return (self._records[task_id] for task_id in self._ids(selection) if task_id in self._records)

    def _ids(self, selection: Selection) -> Iterable[str]:
        match selection:
            case ById(task_ids=task_ids):
                return dict.fromkeys(task_ids)
            case InGroup(group_id=group_id, after=after):
                return [task_id for task_id in self._groups.get(group_id, ()) if task_id > after]
            case Everything(after=after):
                return [task_id for task_id in self._records if task_id > after]
            case Failed(age=0):
                return list(self._failed)
            case Failed(age=age):
                until = self._clock.now() - age
                return [task_id for task_id in self._failed if (self._records[task_id].failed_at or 0) <= until]

    def _missing(self, selection: Selection) -> tuple[str, ...]:
        if not isinstance(selection, ById):
            return ()
        return tuple(task_id for task_id in self._ids(selection) if task_id not in self._records)


def _earliest(records: Iterable[Record]) -> int | None:
    return min((record.due for record in records if record.due is not None), default=None)


class InMemoryDataStore(DataStore):
    """Keeps tasks in this process, as long as the object lives: nothing survives the process."""

    def __init__(self) -> None:
        super().__init__(MemoryStorage(), immediate=True)
