"""When a worker removes what has failed long ago."""

from core.agendas import LEASE, SECOND, new_agenda

from taskshed.datastores.commands import Changed, Claim, Claimed, Failed, Remove
from taskshed.workers._agenda import Agenda, Plan

DAY, HOUR = 24 * 3600 * SECOND, 3600 * SECOND
SWEEP = Remove(Failed(age=DAY))


def sweep(agenda: Agenda, now: int, rest: bool = False) -> None:
    """Let the agenda have the answer to a sweep."""
    plan = agenda.plan(now)
    answers = [
        Changed(rest=Failed(age=DAY) if rest else None) if command == SWEEP else Claimed(now, (), None)
        for command in plan.commands
    ]
    assert SWEEP in plan.commands
    agenda.exchanged(plan.commands, answers, now)


def test_it_does_so_when_it_starts_and_every_hour() -> None:
    agenda = new_agenda(retention=DAY)
    assert agenda.plan(0).commands == (SWEEP, Claim(3, LEASE))
    agenda = new_agenda(retention=DAY)
    sweep(agenda, 0)
    assert agenda.plan(1) == Plan((), HOUR)
    sweep(agenda, HOUR)
    assert agenda.plan(HOUR + 1) == Plan((), 2 * HOUR)


def test_it_does_so_more_often_if_they_are_kept_for_less_than_an_hour() -> None:
    agenda = new_agenda(retention=SECOND)
    plan = agenda.plan(0)
    agenda.exchanged(plan.commands, [Changed(), Claimed(0, (), None)], 0)
    assert agenda.plan(1) == Plan((), SECOND)


def test_it_goes_on_at_once_while_there_are_more() -> None:
    agenda = new_agenda(retention=DAY)
    sweep(agenda, 0, rest=True)
    sweep(agenda, 1)
    assert agenda.plan(2) == Plan((), 1 + HOUR)


def test_it_tries_again_when_the_datastore_has_failed() -> None:
    agenda = new_agenda(retention=DAY)
    agenda.exchange_failed(agenda.plan(0).commands, 0, chance=1)
    assert SWEEP in agenda.plan(SECOND).commands


def test_it_does_not_when_it_ends_or_was_not_told_to() -> None:
    agenda = new_agenda(retention=DAY)
    agenda.close()
    assert agenda.plan(0) == Plan((), None)
    assert new_agenda().plan(0).commands == (Claim(3, LEASE),)
