"""The reference model: a dict of tasks, and for each command the plainest code that says what it means.

It is given what a store answered, and asserts that a right store may answer so. Where a store is free to choose, as
between tasks that are due at the same time, the model follows it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from taskshed._planning import Settlement
from taskshed._records import Record
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
    InGroup,
    Lease,
    Move,
    Note,
    Pause,
    Remove,
    Renew,
    Resume,
    Retry,
    Selection,
    Settle,
)


def due_of(task: Record) -> int | None:
    """When a task may be claimed; None is never."""
    if task.paused_at is not None or task.failed_at is not None:
        return None
    if task.leased_until is not None:
        return task.leased_until
    return task.run_at


def earliest_of(tasks: Sequence[Record]) -> int | None:
    """The earliest due time of these."""
    return min((due for task in tasks if (due := due_of(task)) is not None), default=None)


def begin_anew(task: Record, run_at: int) -> None:
    """Let a task be due as if for the first time, whoever has claimed it and however it has failed."""
    task.run_at = run_at
    task.leased_until = task.failed_at = task.cancelled_at = None
    task.token = task.attempts = 0


class Model:
    """What a right store holds.

    Attributes:
        tasks: by id.
        now: the store's time.
        tokens: the last token given for each id, whatever became of the task.
    """

    def __init__(self, now: int) -> None:
        self.tasks: dict[str, Record] = {}
        self.now = now
        self.tokens: dict[str, int] = {}
        self._born: dict[str, str] = {}

    @property
    def next_due(self) -> int | None:
        """The earliest due time of all."""
        return earliest_of(list(self.tasks.values()))

    def selected(self, selection: Selection) -> list[Record]:
        """The tasks that a selection means: by id in that order, else in any."""
        if isinstance(selection, ById):
            return [self.tasks[name] for name in dict.fromkeys(selection.task_ids) if name in self.tasks]
        if isinstance(selection, InGroup):
            return [task for task in self.tasks.values() if task.group_id == selection.group_id]
        if isinstance(selection, Failed):
            failed = [(task, task.failed_at) for task in self.tasks.values() if task.failed_at is not None]
            return [task for task, at in failed if not selection.age or at <= self.now - selection.age]
        return list(self.tasks.values())

    def meet(self, record: Record) -> None:
        """See a record: if it is a child's, the store may have given it another id."""
        name = self._born.pop(record.body, None)
        if name in self.tasks:
            assert record.task_id == name or record.task_id not in self.tasks
            self.tasks[record.task_id] = msgspec.structs.replace(self.tasks.pop(name), task_id=record.task_id)

    def carry_out(self, command: Command[Any], answer: Any) -> None:  # noqa: C901 - one case for each command
        """Do what a command means, and assert that this is the answer to it."""
        match command:
            case Claim():
                self._claim(command, answer)
            case Add():
                assert answer == Added(kept=tuple(self._add(command)))
            case Pause(selection=selection):
                for task in self.selected(selection):
                    task.paused_at = self.now if task.paused_at is None else task.paused_at
                assert answer == Changed(missing=self._missing(selection))
            case Resume(selection=selection):
                paused = [task for task in self.selected(selection) if task.paused_at is not None]
                for task in paused:
                    task.paused_at = None
                assert answer == Changed(missing=self._missing(selection), earliest=earliest_of(paused))
            case Move(times=times):
                moved = self.selected(ById(tuple(times)))
                for task in moved:
                    begin_anew(task, times[task.task_id])
                assert answer == Changed(missing=self._missing(ById(tuple(times))), earliest=earliest_of(moved))
            case Retry(selection=selection):
                retried = [task for task in self.selected(selection) if task.failed_at is not None]
                missing = self._missing(selection)
                for task in retried:
                    begin_anew(task, self.now)
                # A store need not look whether they are paused, for to be told too early does no harm.
                assert answer.missing == missing
                assert answer.earliest in (earliest_of(retried), self.now if retried else None)
            case Cancel(selection=selection):
                for task in self.selected(selection):
                    if task.leased_until is not None and task.cancelled_at is None:
                        task.cancelled_at = self.now
                assert answer == Changed(missing=self._missing(selection))
            case Remove(selection=selection):
                for task in self.selected(selection):
                    del self.tasks[task.task_id]
                assert answer == Changed()
            case Settle(settlements=settlements):
                assert answer == tuple(Lease(i.task_id, i.token) for i in settlements if not self._settle(i))
            case Renew(leases=leases, lease=length):
                for lease in leases:
                    if self._counts(lease):
                        self.tasks[lease.task_id].leased_until = self.now + length
                stale = tuple(lease for lease in leases if not self._counts(lease))
                cancelled = {lease for lease in leases if lease not in stale and self._is_cancelled(lease)}
                assert (answer.stale, set(answer.cancelled)) == (stale, cancelled)
            case Note(task_id=task_id, error=error):
                for task in self.selected(ById((task_id,))):
                    task.error = error
                assert answer is None
            case _:
                raise TypeError(command)

    def _add(self, command: Add) -> list[str]:
        kept = []
        for record in command.records:
            if record.task_id in self.tasks and not command.replace:
                kept.append(record.task_id)
            else:
                self.tasks[record.task_id] = msgspec.structs.replace(record)
        return kept

    def _claim(self, command: Claim, answer: Claimed) -> None:
        assert answer.now == self.now
        due = sorted(at for task in self.tasks.values() if (at := due_of(task)) is not None and at <= self.now)
        claimed = [self.tasks[record.task_id] for record in answer.records]
        # Only what is due, in due order, at most the limit, and nothing due is left behind if there was room.
        assert [due_of(task) for task in claimed] == due[: command.limit]
        assert len({record.task_id for record in answer.records}) == len(claimed)
        for task, record in zip(claimed, answer.records, strict=True):
            assert record.token > self.tokens.get(task.task_id, 0)
            self.tokens[task.task_id] = task.token = record.token
            task.attempts += 1
            task.leased_until = self.now + command.lease
        assert list(answer.records) == claimed
        assert answer.next_due == self.next_due

    def _settle(self, item: Settlement) -> bool:
        if not self._counts(Lease(item.task_id, item.token)):
            return False
        task = self.tasks[item.task_id]
        if item.outcome == "done":
            del self.tasks[item.task_id]
        task.token, task.leased_until, task.cancelled_at = 0, None, None
        task.run_at, task.attempts, task.progress = item.run_at, item.attempts, item.progress
        task.failed_at = self.now if item.outcome == "failed" else None
        task.error = task.error if item.error is None else item.error
        if item.child is not None:
            self.tasks[item.child.task_id] = msgspec.structs.replace(item.child)
            self._born[item.child.body] = item.child.task_id
        return True

    def _counts(self, lease: Lease) -> bool:
        return lease.task_id in self.tasks and self.tasks[lease.task_id].token == lease.token

    def _is_cancelled(self, lease: Lease) -> bool:
        return self.tasks[lease.task_id].cancelled_at is not None

    def _missing(self, selection: Selection) -> tuple[str, ...]:
        if not isinstance(selection, ById):
            return ()
        return tuple(name for name in dict.fromkeys(selection.task_ids) if name not in self.tasks)
