"""What a worker holds and what it does next: decisions only, no clock and no awaiting.

The worker tells its agenda what happened and asks it for a plan. All instants are monotonic microseconds; those of the
store's wall clock become such at the door, by `lead`. At most one exchange with the datastore is under way at a time;
what comes up meanwhile goes with the next one, so that settling, renewing and claiming travel together.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from taskshed._planning import Settlement, released
from taskshed._records import Record
from taskshed.datastores.commands import (
    Changed,
    Claim,
    Claimed,
    Command,
    Failed,
    Lease,
    Note,
    Remove,
    Renew,
    Renewed,
    Settle,
)
from taskshed.workers._leases import Leases
from taskshed.workers._looks import Looks, WakeRule, earliest

MAX_CLAIM = 500
_SHORTEST_PAUSE = 100_000
_LONGEST_PAUSE = 1_000_000
_LONGEST_KEPT = 3_600_000_000


class Stop(msgspec.Struct, frozen=True):
    """A run that has to end now, and why."""

    lease: Lease
    reason: Literal["cancelled", "lost"]


class Plan(msgspec.Struct, frozen=True):
    """What to do now.

    Attributes:
        commands: to exchange with the datastore; none if empty.
        wake_at: when to ask for the next plan even if nothing happens; None: only when something does.
        stops: runs to cancel.
    """

    commands: tuple[Command[Any], ...]
    wake_at: int | None
    stops: tuple[Stop, ...] = ()


class Agenda:
    """The state of one worker at work.

    Args:
        lease: the length of a claim.
        retention: how long failed tasks are kept; None: for ever.
    """

    def __init__(
        self, wake_rule: WakeRule, max_concurrency: int, lease: int, now: int, retention: int | None = None
    ) -> None:
        self.leases = Leases(lease, now)
        self.looks = Looks(wake_rule, now)
        self._max_concurrency = max_concurrency
        self._retention = retention
        self._sweep_at = None if retention is None else now
        self._running: set[Lease] = set()
        self._stops: list[Stop] = []
        self._settlements: list[Settlement] = []
        self._notes: list[Note] = []
        self._sent = now
        self._exchanging = False
        self._failures = 0
        self._not_before = now
        self._closing = False

    @property
    def running(self) -> int:
        """How many occurrences are being run."""
        return len(self._running)

    @property
    def claim_at(self) -> int | None:
        """When the next claim is planned."""
        return self.looks.at

    @property
    def finished(self) -> bool:
        """Whether the worker was told to end and has nothing left to do."""
        return self._closing and not self._is_busy()

    def plan(self, now: int) -> Plan:
        """Decide what to do at `now`; the commands of a plan count as sent."""
        self._stops += [Stop(lease, "lost") for lease in self.leases.lost(now)]
        stops, self._stops = tuple(self._stops), []
        commands = () if self._exchanging or now < self._not_before else self._commands(now)
        if commands:
            self._exchanging, self._sent = True, now
        return Plan(commands, self._wake_at(now), stops)

    def noticed(self, due: int) -> None:
        """Something may be due at that instant of the store's clock."""
        if not self._closing:
            self.looks.noticed(due)

    def runs_cancelled(self, now: int) -> None:
        """Somebody has cancelled runs, perhaps ours: the answer to a renewal tells which."""
        self.leases.renew_soon(now)

    def worked_off(self, now: int) -> bool:
        """Whether nothing runs, and a look after the last run has found nothing due; until then, plan that look."""
        return not self._closing and not self._is_busy() and self.looks.saw_nothing(now)

    def exchanged(self, commands: Sequence[Command[Any]], answers: Sequence[Any], now: int) -> tuple[Record, ...]:
        """Take in the datastore's answers; returns what to run."""
        self._exchanging = False
        self._failures = 0
        for command, answer in zip(commands, answers, strict=True):
            match command, answer:
                case Renew(), Renewed(stale=stale, cancelled=cancelled):
                    self.leases.renewed(command, stale, self._sent)
                    self._stops += [Stop(lease, "cancelled") for lease in cancelled]
                case Remove(), Changed(rest=rest):
                    self._plan_sweep(now, rest_is_left=rest is not None)
                case Claim(), Claimed():
                    return self._claimed(command, answer, now)
                case _:
                    pass
        return ()

    def exchange_failed(self, commands: Sequence[Command[Any]], now: int, chance: float) -> bool:
        """Take back what was not done and pause, each time for longer; `chance`, from 0 to 1, spreads the pauses.

        Returns whether this is the first failure of a row.
        """
        self._exchanging = False
        for command in commands:
            match command:
                case Settle(settlements=settlements):
                    self._settlements[:0] = settlements
                case Renew():
                    self.leases.renew_soon(now)
                case Remove():
                    self._plan_sweep(now, rest_is_left=True)
        self._notes[:0] = [command for command in commands if isinstance(command, Note)]
        pause = min(_SHORTEST_PAUSE << min(self._failures, 10), _LONGEST_PAUSE, self.leases.length // 6)
        self._not_before = now + round(pause * (0.5 + chance / 2))
        self._failures += 1
        return self._failures == 1

    def ended(self, settlement: Settlement, note: Note | None = None) -> None:
        """A run has ended, or became a task of its own."""
        if note is not None:
            self._notes.append(note)
        lease = Lease(settlement.task_id, settlement.token)
        self._running.discard(lease)
        self.leases.drop(lease)
        self._settlements.append(settlement)

    def close(self) -> None:
        """Claim no more."""
        self._closing = True
        self._sweep_at = None
        self.looks.end()

    def give_up(self) -> None:
        """Forget what could not be settled: the leases will run out."""
        self._notes.clear()
        self._settlements.clear()

    def _commands(self, now: int) -> tuple[Command[Any], ...]:
        commands: list[Command[Any]] = []
        if self._settlements:
            settle = Settle(tuple(self._settlements))
            self._settlements = []
            commands.append(settle)
            if not self._closing:
                self.looks.settling(settle, now)
        commands += self._notes
        self._notes = []
        if (renewal := self.leases.renewal(now)) is not None:
            commands.append(renewal)
        if self._retention is not None and self._sweep_at is not None and self._sweep_at <= now:
            commands.append(Remove(Failed(age=self._retention)))
            self._sweep_at = None
        limit = min(self._free_slots(), MAX_CLAIM)
        if limit and self.looks.at is not None and self.looks.at <= now:
            commands.append(Claim(limit, self.leases.length))
            self.looks.begun()
        return tuple(commands)

    def _wake_at(self, now: int) -> int | None:
        if self._exchanging:
            return self.leases.look_at
        if now < self._not_before:
            return earliest(self._not_before, self.leases.look_at)
        look_at = self.looks.at if self._free_slots() else None
        return earliest(look_at, self._sweep_at, self.leases.renew_at, self.leases.look_at)

    def _claimed(self, command: Claim, answer: Claimed, now: int) -> tuple[Record, ...]:
        if not self._closing:
            self.looks.answered(command, answer, now)
        if self._closing or self.leases.would_be_lost(self._sent, now):  # too late to begin: others shall have them
            self._settlements += [released(record) for record in answer.records]
            return ()
        leases = [Lease(record.task_id, record.token) for record in answer.records]
        self._running.update(leases)
        self.leases.take(leases, self._sent)
        return answer.records

    def _plan_sweep(self, now: int, *, rest_is_left: bool) -> None:
        if self._retention is not None and not self._closing:
            self._sweep_at = now if rest_is_left else now + min(self._retention, _LONGEST_KEPT)

    def _is_busy(self) -> bool:
        return bool(self._exchanging or self._running or self._settlements or self._notes)

    def _free_slots(self) -> int:
        return 0 if self._closing else self._max_concurrency - len(self._running)
