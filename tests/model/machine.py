"""The state machine: it does to a store and to the reference model the same, and compares them after every step."""

import math
from collections.abc import Sequence
from itertools import count
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from model import drafts
from model.bench import START, Bench
from model.drafts import GROUPS, IDS, LEASES, ClaimFor, Draft, Ended, RenewFor, SettleFor, Wait
from model.reference import Model

from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores.commands import (
    ById,
    Claim,
    Claimed,
    Command,
    Everything,
    Failed,
    InGroup,
    Lease,
    Renew,
    Selection,
    Settle,
)

STEP = 1_000  # microseconds that a step takes: some, as in the world, for Redis tells tokens apart by them

processes = st.integers(0, 1)


class Worker:
    """What a worker knows.

    Attributes:
        process: where it lives.
        held: what it takes itself to hold.
        wakes: until when it would sleep.
    """

    def __init__(self, process: int, lease: int) -> None:
        self.process = process
        self.lease = lease
        self.forget()

    def forget(self) -> None:
        """Begin anew, as after a crash: with a look at what is due."""
        self.held: dict[Lease, None] = {}
        self.wakes = -math.inf


class StoreMachine(RuleBasedStateMachine):
    """Everything that may happen to a store."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.model = Model(START)
        self.workers = [Worker(number % bench.processes, lease) for number, lease in enumerate(LEASES)]
        self.given: list[Record] = []
        self.births = 0
        bench.begin()

    @initialize(command=drafts.adds)
    def begin(self, command: Draft) -> None:
        self.step(0, command)

    @rule(process=processes, wait=drafts.waits, batch=drafts.batches)
    def happen(self, process: int, wait: Wait, batch: list[Draft]) -> None:
        self.wait(wait)
        self.step(process, *batch)

    @rule(process=processes, wait=drafts.waits, claim=drafts.claims, settlement=drafts.settlements)
    def work(self, process: int, wait: Wait, claim: Draft, settlement: Draft) -> None:
        self.wait(wait)
        self.step(process, claim)
        self.step(process, settlement)

    @rule(process=processes, wait=drafts.waits, draft=drafts.claims | drafts.renewals)
    def hold(self, process: int, wait: Wait, draft: Draft) -> None:
        self.wait(wait)
        self.step(process, draft)

    @rule(number=st.integers(0, len(LEASES) - 1), process=st.none() | processes)
    def crash(self, number: int, process: int | None) -> None:
        """One worker forgets all it holds, or all of a process do, whose datastore is opened anew."""
        for worker in [self.workers[number]] if process is None else self.at(process):
            worker.forget()
        if process is not None:
            self.bench.reopen(process)
            self.step(process)

    def at(self, process: int) -> list[Worker]:
        """The workers of a process."""
        return [worker for worker in self.workers if worker.process == process % self.bench.processes]

    def wait(self, wait: Wait) -> None:
        """Let time pass, but none if that would be in the past."""
        until = self.model.now + wait.after
        if wait.until_due and self.model.next_due is not None:
            until = self.model.next_due + wait.after
        if until > self.model.now:
            self.turn(until)

    def turn(self, now: int) -> None:
        self.model.now = now
        self.bench.clock.turn(now)

    def step(self, process: int, *batch: Draft) -> None:
        """Have one process do something, and see that all is well."""
        drafts = self.possible(batch)
        commands = tuple(self.command_of(draft, process) for draft in drafts)
        names = [*IDS, *(name for name in self.model.tasks if name not in IDS)]
        selections: tuple[Selection, ...] = (Everything(), ById((*names, "nobody")), *map(InGroup, GROUPS), Failed())
        sight = self.bench.step(process, commands, selections)
        note(f"{self.model.now}: {commands} -> {sight.answers}")
        for draft, command, answer in zip(drafts, commands, sight.answers, strict=True):
            if isinstance(answer, Claimed):
                for record in answer.records:
                    self.model.meet(record)
                self.given += answer.records
            self.model.carry_out(command, answer)
            self.remember(process, draft, command, answer)
        self.check_what_is_held(selections, sight.fetched)
        self.check_leases(sight.fetched[0])
        assert sight.peeked == Claimed(self.model.now, (), self.model.next_due)
        self.check_who_wakes(sight.told)
        self.turn(self.model.now + STEP)

    def possible(self, batch: Sequence[Draft]) -> list[Draft]:
        """A batch without the claims that are too many for the store."""
        claims = count(1)
        return [draft for draft in batch if not isinstance(draft, ClaimFor) or next(claims) <= self.bench.claims]

    def command_of(self, draft: Draft, process: int) -> Command[Any]:
        match draft:
            case ClaimFor(limit=limit):
                return Claim(limit, self.claimer(draft, process).lease)
            case RenewFor(which=which):
                busy = [worker for worker in self.workers if worker.held] or self.workers
                worker = busy[which % len(busy)]
                return Renew(tuple(worker.held), worker.lease)
            case SettleFor(endings=endings):
                return Settle(tuple(item for ending in endings for item in self.settlements_of(ending)))
            case _:
                return draft

    def claimer(self, draft: ClaimFor, process: int) -> Worker:
        workers = self.at(process)
        return workers[draft.which % len(workers)]

    def settlements_of(self, ending: Ended) -> list[Settlement]:
        if not self.given:
            return []
        given = [record for record in reversed(self.given) if not ending.valid or self.is_valid(record)] or self.given
        record = given[ending.which % len(given)]
        child = None
        if ending.born is not None:
            self.births += 1
            name = f"child {self.births}"  # never the same, and neither is the body, by which the model knows it
            child = Record(task_id=name, body=name, group_id=ending.born.group_id, run_at=ending.born.run_at)
        fields = {name: getattr(ending, name) for name in ("outcome", "run_at", "attempts", "error", "progress")}
        return [Settlement(task_id=record.task_id, token=record.token, child=child, **fields)]

    def is_valid(self, record: Record) -> bool:
        """Whether a claimed occurrence is still its worker's."""
        task = self.model.tasks.get(record.task_id)
        return task is not None and task.token == record.token

    def remember(self, process: int, draft: Draft, command: Command[Any], answer: Any) -> None:
        """Let workers know what they were answered."""
        match draft, command:
            case ClaimFor(), _:
                worker = self.claimer(draft, process)
                worker.held |= {Lease(record.task_id, record.token): None for record in answer.records}
                worker.wakes = math.inf if answer.next_due is None else answer.next_due
            case _, Renew():
                self.let_go(answer.stale)
            case _, Settle(settlements=settlements):
                self.let_go([Lease(item.task_id, item.token) for item in settlements])
            case _:
                pass

    def let_go(self, leases: Sequence[Lease]) -> None:
        for worker in self.workers:
            for lease in leases:
                worker.held.pop(lease, None)

    def check_what_is_held(self, selections: Sequence[Selection], fetched: list[list[Record]]) -> None:
        """See that what was fetched is what the model has."""
        for record in fetched[0]:
            self.model.meet(record)
        assert {record.task_id: record for record in fetched[0]} == self.model.tasks
        for selection, found in zip(selections, fetched, strict=True):
            expected = self.model.selected(selection)
            if isinstance(selection, ById):
                assert found == expected
            else:
                assert [record.run_at for record in found] == sorted(record.run_at for record in expected)
                assert sorted(found, key=_name) == sorted(expected, key=_name)

    def check_leases(self, everything: list[Record]) -> None:
        """See that of all occurrences ever given no two are one task's and valid."""
        valid = {(record.task_id, record.token) for record in everything if (record.leased_until or 0) > self.model.now}
        holders = [record.task_id for record in self.given if (record.task_id, record.token) in valid]
        assert len(holders) == len(set(holders))

    def check_who_wakes(self, told: list[float]) -> None:
        """See that no worker would sleep while something is due."""
        due = self.model.next_due
        for process, earliest in enumerate(told):
            workers = self.at(process)
            for worker in workers:
                worker.wakes = min(worker.wakes, earliest)
            late = [worker for worker in workers if due is not None and worker.wakes > due]
            if due is not None and late:
                heard = self.bench.hear(process, due)
                assert heard <= due, f"process {process} would sleep, for it was not told of {due}"
                for worker in late:
                    worker.wakes = heard


def _name(record: Record) -> str:
    return record.task_id
