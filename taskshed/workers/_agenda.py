"""What a worker holds and what it does next: decisions only, no clock and no awaiting.

The worker tells its agenda what happened and asks it for a plan. All instants are the store's wall time in
microseconds. At most one exchange with the datastore is under way at a time; what comes up meanwhile goes with the
next one, so that settling, renewing and claiming travel together.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from taskshed._planning import Settlement, released
from taskshed._records import Record
from taskshed.datastores.commands import Claim, Claimed, Command, Lease, Note, Renew, Settle, earliest_due

# (now, earliest due time in the datastore or None) -> when to claim next, or None for "when told"
WakeRule = Callable[[int, int | None], int | None]

MAX_CLAIM = 500
_SHORTEST_PAUSE = 100_000
_LONGEST_PAUSE = 1_000_000
_OTHERS_TURN = 20_000  # how long to leave what others are just about to claim or change


class Plan(msgspec.Struct, frozen=True):
    """What to do now.

    Attributes:
        commands: to exchange with the datastore; none if empty.
        wake_at: when to ask for the next plan even if nothing happens; None: only when something does.
    """

    commands: tuple[Command[Any], ...]
    wake_at: int | None


class Agenda:
    """The state of one worker at work."""

    def __init__(self, wake_rule: WakeRule, max_concurrency: int, lease: int, now: int) -> None:
        self._wake_rule = wake_rule
        self._max_concurrency = max_concurrency
        self._lease = lease
        self._running: set[Lease] = set()
        self._renewable: set[Lease] = set()
        self._settlements: list[Settlement] = []
        self._notes: list[Note] = []
        self._claim_at: int | None = now
        self._lease_is_next = False
        self._saw_nothing = False
        self._look_is_old = False
        self._noticed: int | None = None
        self._renew_at = now
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
        return self._claim_at

    @property
    def finished(self) -> bool:
        """Whether the worker was told to end and has nothing left to do."""
        return self._closing and not self._is_busy()

    def plan(self, now: int) -> Plan:
        """Decide what to do at `now`; the commands of a plan count as sent."""
        if self._exchanging:
            return Plan((), None)
        if now < self._not_before:
            return Plan((), self._not_before)
        commands: list[Command[Any]] = []
        if self._settlements:
            commands.append(self._settle(now))
        commands += self._notes
        self._notes = []
        if self._renewable and self._renew_at <= now:
            commands.append(Renew(tuple(self._renewable), self._lease))
            self._renew_at = now + self._lease // 3
        limit = min(self._free_slots(), MAX_CLAIM)
        if limit and self._claim_at is not None and self._claim_at <= now:
            commands.append(Claim(limit, self._lease))
            self._noticed = None
            self._look_is_old = False
        if commands:
            self._exchanging = True
            return Plan(tuple(commands), None)
        deadlines = [self._renew_at if self._renewable else None, self._claim_at if limit else None]
        return Plan((), min((at for at in deadlines if at is not None), default=None))

    def noticed(self, due: int) -> None:
        """Something may be due then. A notice that comes while a claim is under way may be news to that claim."""
        self._noticed = _earlier(self._noticed, due)
        self._claim_at = _earlier(self._claim_at, due)

    def look_anew(self) -> None:
        """Let no look that was begun before count for `worked_off`."""
        self._saw_nothing = False
        self._look_is_old = True

    def worked_off(self, now: int) -> bool:
        """Whether nothing runs, and a look after the last run has found nothing due; until then, plan that look."""
        if self._closing or self._is_busy():
            return False
        if not self._saw_nothing and (self._claim_at is None or self._claim_at > now + _OTHERS_TURN):
            self._claim_at = now
        return self._saw_nothing

    def exchanged(self, commands: Sequence[Command[Any]], answers: Sequence[Any], now: int) -> tuple[Record, ...]:
        """Take in the datastore's answers; returns what to run."""
        self._exchanging = False
        self._failures = 0
        self._not_before = now  # the store's clock may have turned out to be far behind ours
        for command, answer in zip(commands, answers, strict=True):
            match command, answer:
                case Renew(), lost:
                    self._renewable.difference_update(lost)
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
            if isinstance(command, Settle):
                self._settlements[:0] = command.settlements
            elif isinstance(command, Renew):
                self._renew_at = now
        self._notes[:0] = [command for command in commands if isinstance(command, Note)]
        pause = min(_SHORTEST_PAUSE << min(self._failures, 10), _LONGEST_PAUSE)
        self._not_before = now + round(pause * (0.5 + chance / 2))
        self._failures += 1
        return self._failures == 1

    def ended(self, settlement: Settlement, note: Note | None = None) -> None:
        """A run has ended, or became a task of its own."""
        if note is not None:
            self._notes.append(note)
        lease = Lease(settlement.task_id, settlement.token)
        self._running.discard(lease)
        self._renewable.discard(lease)
        self._settlements.append(settlement)

    def close(self) -> None:
        """Claim no more."""
        self._closing = True
        self._lease_is_next = False
        self._claim_at = None

    def give_up(self) -> None:
        """Forget what could not be settled: the leases will run out."""
        self._notes.clear()
        self._settlements.clear()

    def _claimed(self, command: Claim, answer: Claimed, now: int) -> tuple[Record, ...]:
        if self._closing:  # too late to begin: others shall have them at once
            self._settlements += [released(record) for record in answer.records]
            return ()
        if not self._renewable:
            self._renew_at = now + self._lease // 3
        leases = [Lease(record.task_id, record.token) for record in answer.records]
        self._running.update(leases)
        self._renewable.update(leases)
        self._claim_at = self._wake_rule(now, answer.next_due)
        nothing_due = not answer.records and (answer.next_due is None or answer.next_due > answer.now)
        self._saw_nothing = nothing_due and not self._look_is_old
        own_lease = answer.now + command.lease
        self._lease_is_next = bool(answer.records) and answer.next_due == own_lease == self._claim_at
        if answer.next_due is not None and answer.next_due <= answer.now and len(answer.records) < command.limit:
            self._claim_at = now + _OTHERS_TURN
        if self._noticed is not None:
            self._claim_at = _earlier(self._claim_at, self._noticed)
        return answer.records

    def _settle(self, now: int) -> Settle:
        """Settle what has ended; if it was itself what is next, or is due again, a look goes with it."""
        command = Settle(tuple(self._settlements))
        self._settlements = []
        self._saw_nothing = False
        due = earliest_due(command, None)
        if not self._closing and (self._lease_is_next or (due is not None and due <= now)):
            self._claim_at = now
        return command

    def _is_busy(self) -> bool:
        return bool(self._exchanging or self._running or self._settlements or self._notes)

    def _free_slots(self) -> int:
        return 0 if self._closing else self._max_concurrency - len(self._running)


def _earlier(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)
