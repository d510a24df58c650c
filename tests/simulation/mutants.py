"""Faults put into the product on purpose, to see that the simulation finds them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

from taskshed._actor import Request
from taskshed._planning import Settlement, _settling
from taskshed._records import Record
from taskshed.datastores._actor import DataStore
from taskshed.datastores._memory import MemoryStorage
from taskshed.datastores.commands import Add, Added, Claim, Command, Lease, Move, Note, Settle
from taskshed.schedules._occurrences import first_after
from taskshed.workers._agenda import Agenda
from taskshed.workers._leases import Leases
from taskshed.workers._store_time import StoreTime

Mutant = Callable[[], Any]


@contextmanager
def replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Have `make(original)` in the place of an attribute."""
    with patch.object(owner, name, make(getattr(owner, name))):
        yield


def a_worker_does_not_renew() -> Any:
    def make(exchanged: Any) -> Any:
        def mutant(self: Agenda, *arguments: Any) -> Any:
            try:
                return exchanged(self, *arguments)
            finally:
                self.leases._renew_at = 2**62

        return mutant

    return replaced(Agenda, "exchanged", make)


def a_worker_does_not_give_up() -> Any:
    return patch.multiple(Leases, lost=lambda *_: [], look_at=None)


def settling_ignores_tokens() -> Any:
    def mutant(self: MemoryStorage, command: Settle) -> tuple[Lease, ...]:
        def shown(settlement: Settlement) -> Settlement:
            record = self._records.get(settlement.task_id)
            return settlement if record is None else msgspec.structs.replace(settlement, token=record.token)

        return MemoryStorage._settle(self, Settle(tuple(shown(item) for item in command.settlements)))

    return patch.dict(MemoryStorage._CARRY_OUT, {Settle: mutant})


def moving_leaves_the_claim() -> Any:
    def mutant(self: MemoryStorage, command: Move) -> Any:
        claims = {
            item: (self._records[item].leased_until, self._records[item].token)
            for item in command.times
            if item in self._records
        }
        answer = MemoryStorage._move(self, command)
        for task_id, (leased_until, token) in claims.items():
            record = self._records[task_id]
            record.leased_until, record.token = leased_until, token
            self._due.set(task_id, record.due)
        return answer

    return patch.dict(MemoryStorage._CARRY_OUT, {Move: mutant})


def a_claim_takes_no_lease_for_an_obstacle() -> Any:
    def mutant(record: Record) -> int | None:
        return None if record.paused_at is not None or record.failed_at is not None else record.run_at

    return patch.object(Record, "due", property(mutant))


def no_notice_is_sent() -> Any:
    async def mutant(self: DataStore, earliest: int) -> None:
        pass

    return patch.object(DataStore, "_notice", mutant)


def claims_are_forgotten_when_an_exchange_fails() -> Any:
    def make(exchange_failed: Any) -> Any:
        def mutant(self: Agenda, commands: Sequence[Command[Any]], now: int, chance: float) -> Any:
            if any(isinstance(command, Claim) for command in commands):
                self.looks.at = None
            return exchange_failed(self, commands, now, chance)

        return mutant

    return replaced(Agenda, "exchange_failed", make)


def settlements_are_forgotten_when_an_exchange_fails() -> Any:
    def make(exchange_failed: Any) -> Any:
        def mutant(self: Agenda, commands: Sequence[Command[Any]], now: int, chance: float) -> Any:
            return exchange_failed(self, [one for one in commands if isinstance(one, Note)], now, chance)

        return mutant

    return replaced(Agenda, "exchange_failed", make)


def what_failed_is_acknowledged() -> Any:
    def make(fail: Any) -> Any:
        def mutant(self: Request[Any, Any], error: BaseException) -> None:
            if isinstance(self.message, tuple) and all(isinstance(command, Add) for command in self.message):
                self.reply([Added()])
            else:
                fail(self, error)

        return mutant

    return replaced(Request, "fail", make)


def missed_occurrences_are_passed_over() -> Any:
    def mutant(run: Any, now: int) -> tuple[int | None, int]:
        return (None if run.body.schedule is None else first_after(run.body.schedule, run.at, now)), 0

    return patch.object(_settling, "_following", mutant)


def a_worker_believes_its_own_clock() -> Any:
    def mutant(self: StoreTime, *, sent: int, theirs: int, received: int) -> None:
        self._offset.observe(sent=sent, theirs=theirs, received=received)

    return patch.object(StoreTime, "observe", mutant)


# Each with the kinds of faults that may show it.
MUTANTS: dict[Mutant, set[str]] = {
    a_worker_does_not_renew: {"lost"},
    a_worker_does_not_give_up: {"twice"},
    settling_ignores_tokens: {"lost"},
    moving_leaves_the_claim: {"lost"},
    a_claim_takes_no_lease_for_an_obstacle: {"twice"},
    no_notice_is_sent: {"asleep", "lost"},
    claims_are_forgotten_when_an_exchange_fails: {"asleep", "lost"},
    settlements_are_forgotten_when_an_exchange_fails: {"settled", "claims"},
    what_failed_is_acknowledged: {"acknowledged"},
    missed_occurrences_are_passed_over: {"lost"},
    a_worker_believes_its_own_clock: {"early"},
}
