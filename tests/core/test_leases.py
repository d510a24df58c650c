"""How long a worker believes in its leases."""

import pytest
from core.agendas import LEASE, SECOND, answer, at_work, claimed, ended, leases, new_agenda

from taskshed.datastores.commands import Claim, Lease, Renew, Settle
from taskshed.workers._agenda import Plan, Stop
from taskshed.workers._leases import Leases

A, B = Lease("a", 1), Lease("b", 2)
THIRD, TRUSTED = LEASE // 3, LEASE * 9 // 10


def taken(*held: Lease, sent: int = 0) -> Leases:
    of_a_worker = Leases(LEASE, 0)
    of_a_worker.take(held, sent)
    return of_a_worker


def test_nothing_is_renewed_and_nothing_lost_where_nothing_is_held() -> None:
    empty = taken()
    assert (empty.renewal(LEASE), empty.lost(LEASE)) == (None, [])
    assert (empty.renew_at, empty.look_at) == (None, None)


def test_all_that_is_held_is_renewed_at_once_a_third_after_the_first_was_claimed() -> None:
    held = taken(A)
    held.take([B], THIRD - 1)
    assert held.renewal(THIRD - 1) is None
    assert held.renewal(THIRD) == Renew((A, B), LEASE)
    assert held.renewal(THIRD) is None
    assert held.renew_at == 2 * THIRD


@pytest.mark.parametrize("answered", [0, SECOND, THIRD], ids=["at once", "after a second", "late"])
def test_a_lease_counts_from_when_it_was_asked_for_not_from_the_answer(answered: int) -> None:
    held = taken(A)
    renewal = held.renewal(THIRD)
    assert renewal is not None
    held.renewed(renewal, [], THIRD)
    assert held.lost(THIRD + answered) == []
    assert held.look_at == THIRD + TRUSTED
    assert held.lost(THIRD + TRUSTED - 1) == []
    assert held.lost(THIRD + TRUSTED) == [A]


def test_what_is_not_renewed_is_lost_a_tenth_before_its_end_each_when_its_time_has_come() -> None:
    held = taken(A)
    held.take([B], SECOND)
    assert held.lost(TRUSTED - 1) == []
    assert held.holds(A, TRUSTED - 1)
    assert not held.holds(A, TRUSTED)
    assert held.lost(TRUSTED) == [A]
    assert held.lost(TRUSTED) == []
    assert held.look_at == TRUSTED + SECOND
    assert held.lost(TRUSTED + SECOND) == [B]
    assert len(held) == 0
    assert Leases(LEASE, 0).look_at is None


def test_what_ends_or_was_taken_away_is_neither_renewed_nor_lost() -> None:
    held = taken(A, B)
    held.drop(A)
    renewal = held.renewal(THIRD)
    assert renewal == Renew((B,), LEASE)
    held.renewed(renewal, [B], THIRD)
    assert held.lost(LEASE) == []
    assert not held.holds(B, 0)


def test_what_has_ended_while_it_was_renewed_is_not_held_again() -> None:
    held = taken(A, B)
    renewal = held.renewal(THIRD)
    held.drop(A)
    assert renewal is not None
    held.renewed(renewal, [], THIRD)
    assert [held.holds(lease, THIRD) for lease in (A, B)] == [False, True]


def test_after_a_pause_the_first_lease_begins_anew() -> None:
    held = taken(A)
    held.drop(A)
    held.take([B], 10 * LEASE)
    assert (held.renew_at, held.look_at) == (10 * LEASE + THIRD, 10 * LEASE + TRUSTED)


def test_a_run_whose_lease_could_not_be_renewed_is_stopped_although_an_exchange_is_under_way() -> None:
    agenda, (a,) = at_work("a")
    under_way = agenda.plan(THIRD)
    assert under_way == Plan((Renew((A,), LEASE),), TRUSTED)
    assert agenda.plan(TRUSTED - 1) == Plan((), TRUSTED)
    assert agenda.plan(TRUSTED) == Plan((), None, (Stop(A, "lost"),))
    assert agenda.plan(TRUSTED) == Plan((), None)
    answer(agenda, under_way, LEASE)  # too late: it was stopped
    assert agenda.running == 1
    agenda.ended(ended(a, "lost"))
    assert agenda.plan(LEASE).commands == (Settle((ended(a, "lost"),)), Claim(3, LEASE))


def test_a_run_whose_lease_could_not_be_renewed_is_stopped_between_two_attempts() -> None:
    agenda, _ = at_work("a")
    now = THIRD
    while now < TRUSTED:
        plan = agenda.plan(now)
        assert plan.stops == ()
        if plan.commands:
            agenda.exchange_failed(plan.commands, now, chance=1)
        assert plan.wake_at is None or plan.wake_at <= TRUSTED
        now = min(now + SECOND, TRUSTED)
    assert agenda.plan(TRUSTED).stops == (Stop(A, "lost"),)


def test_pauses_are_short_beside_a_short_lease() -> None:
    agenda = new_agenda(lease=600)
    for now in range(0, 1000, 100):
        agenda.exchange_failed(agenda.plan(now).commands, now, chance=1)
        assert agenda.plan(now) == Plan((), now + 100)


def test_what_was_claimed_so_slowly_that_its_lease_is_over_is_given_back_unrun() -> None:
    agenda = new_agenda()
    records = claimed("a", "b")
    plan = agenda.plan(0)
    assert answer(agenda, plan, TRUSTED, records, next_due=LEASE) == ()
    assert agenda.running == 0
    given_back = Settle(tuple(ended(record, "interrupted") for record in records))
    assert agenda.plan(TRUSTED).commands[0] == given_back


def test_a_run_that_somebody_cancels_is_stopped_and_its_lease_is_kept_until_it_has_ended() -> None:
    agenda, (a, b) = at_work("a", "b")
    agenda.runs_cancelled(5)
    plan = agenda.plan(5)
    (renew,) = plan.commands
    assert isinstance(renew, Renew)
    assert set(renew.leases) == leases([a, b])
    answer(agenda, plan, 7, cancelled=[a])
    assert agenda.plan(7) == Plan((), 5 + THIRD, (Stop(A, "cancelled"),))
    assert agenda.leases.holds(A, 7)


def test_who_holds_nothing_has_nothing_that_could_be_cancelled() -> None:
    agenda, _ = at_work()
    agenda.runs_cancelled(5)
    assert agenda.plan(5) == Plan((), None)
