"""What a worker does when leases are lost, the datastore fails, or it is told to end."""

import pytest
from core.agendas import LEASE, SECOND, answer, at_work, claimed, ended, leases, new_agenda

from taskshed.datastores.commands import Claim, Lease, Renew, Settle
from taskshed.workers._agenda import Plan, Stop

NOTHING = Plan((), None)
TRUSTED = LEASE * 9 // 10


def test_a_lease_that_a_user_has_ended_is_not_renewed_again_but_its_run_goes_on_and_keeps_the_slot() -> None:
    agenda, (a, b) = at_work("a", "b", next_due=LEASE)
    answer(agenda, agenda.plan(LEASE // 3), LEASE // 3, lost=[a])
    assert agenda.running == 2
    plan = agenda.plan(LEASE)
    assert plan == Plan((Renew((Lease("b", 1),), LEASE), Claim(1, LEASE)), LEASE // 3 + TRUSTED)
    answer(agenda, plan, LEASE, lost=[b])
    agenda.noticed(10 * LEASE)
    assert agenda.plan(LEASE) == Plan((), 10 * LEASE)
    agenda.ended(ended(a))
    agenda.ended(ended(b))
    assert agenda.plan(10 * LEASE).commands == (Settle((ended(a), ended(b))), Claim(3, LEASE))


def test_a_task_claimed_anew_after_its_lease_was_lost_takes_a_slot_of_its_own() -> None:
    agenda, (a,) = at_work("a", next_due=LEASE)
    plan = agenda.plan(LEASE)
    assert plan == Plan((Claim(2, LEASE),), None, (Stop(Lease("a", 1), "lost"),))
    answer(agenda, plan, LEASE, claimed("a", token=2), next_due=2 * LEASE)
    assert agenda.running == 2
    agenda.ended(ended(a))
    plan = agenda.plan(LEASE + LEASE // 2)
    assert plan.commands == (Settle((ended(a),)), Renew((Lease("a", 2),), LEASE), Claim(2, LEASE))


def test_a_stale_settlement_is_not_tried_again() -> None:
    agenda, (a,) = at_work("a")
    agenda.ended(ended(a))
    answer(agenda, agenda.plan(1), 1, lost=[a])
    assert agenda.plan(10 * LEASE) == NOTHING


def test_a_failed_exchange_is_made_again_with_its_settlements_in_order() -> None:
    agenda, (a, b, c) = at_work("a", "b", "c", next_due=LEASE)
    agenda.ended(ended(b))
    agenda.ended(ended(a))
    failed = agenda.plan(LEASE)
    agenda.ended(ended(c))
    assert agenda.plan(LEASE) == NOTHING
    agenda.exchange_failed(failed.commands, LEASE, chance=1)
    assert agenda.plan(LEASE) == Plan((), LEASE + SECOND // 10)
    plan = agenda.plan(LEASE + SECOND // 10)
    assert plan.commands == (Settle((ended(b), ended(a), ended(c))), Claim(3, LEASE))


def test_a_failed_renewal_is_made_again_as_soon_as_may_be() -> None:
    agenda, records = at_work("a")
    agenda.exchange_failed(agenda.plan(LEASE // 3).commands, LEASE // 3 + 5, chance=1)
    assert agenda.plan(LEASE // 3 + 5).wake_at == LEASE // 3 + 5 + SECOND // 10
    assert agenda.plan(LEASE // 3 + 5 + SECOND // 10).commands == (Renew((*leases(records),), LEASE),)


@pytest.mark.parametrize("notice", [-5, 10], ids=["before", "after"])
def test_a_notice_that_comes_while_a_claim_fails_is_not_lost(notice: int) -> None:
    agenda = new_agenda()
    plan = agenda.plan(0)
    agenda.noticed(notice)
    agenda.exchange_failed(plan.commands, 20, chance=0)
    retry = agenda.plan(SECOND)
    assert retry.commands == (Claim(3, LEASE),)
    answer(agenda, retry, SECOND)
    assert agenda.plan(SECOND) == NOTHING


PAUSES: dict[str, tuple[float, list[int]]] = {
    "longest": (1, [100, 200, 400, 800, 1000, 1000, 1000]),
    "middle": (0.5, [75, 150, 300, 600, 750, 750, 750]),
    "shortest": (0, [50, 100, 200, 400, 500, 500, 500]),
}


@pytest.mark.parametrize(("chance", "milliseconds"), PAUSES.values(), ids=PAUSES)
def test_pauses_grow_up_to_a_second_and_the_first_failure_of_a_row_is_told(
    chance: float, milliseconds: list[int]
) -> None:
    agenda, now = new_agenda(), 0
    for _ in range(2):
        for count, pause in enumerate(milliseconds):
            failed = agenda.plan(now)
            assert failed.commands == (Claim(3, LEASE),)
            assert agenda.exchange_failed(failed.commands, now, chance) is (count == 0)
            assert agenda.plan(now + pause * 1000 - 1) == Plan((), now + pause * 1000)
            now += pause * 1000
        answer(agenda, agenda.plan(now), now, next_due=now + 1)
        now += 1


def test_pauses_stay_at_a_second_however_often_it_fails() -> None:
    agenda, now = new_agenda(), 0
    for _ in range(10_000):
        agenda.exchange_failed(agenda.plan(now).commands, now, chance=1)
        assert agenda.plan(now).wake_at is not None
        now += SECOND
    assert agenda.plan(now).commands


HOUR = 3600 * SECOND


@pytest.mark.parametrize("lead", [-HOUR, 0, HOUR], ids=["behind", "alike", "ahead"])
def test_what_the_stores_clock_says_is_taken_for_what_it_means_on_ours(lead: int) -> None:
    agenda = new_agenda(now=HOUR)
    plan = agenda.plan(HOUR)
    agenda.noticed(HOUR + 9 + lead)  # before it is known how far that clock is ahead
    agenda.looks.lead = lead
    answer(agenda, plan, HOUR, next_due=HOUR + 30 + lead, theirs=HOUR + lead)
    assert agenda.plan(HOUR).wake_at == HOUR + 9
    answer(agenda, agenda.plan(HOUR + 9), HOUR + 9, next_due=HOUR + 30 + lead, theirs=HOUR + 9 + lead)
    assert agenda.plan(HOUR + 9).wake_at == HOUR + 30


def test_to_set_the_stores_clock_does_not_change_when_leases_are_renewed() -> None:
    agenda, _ = at_work("a")
    agenda.looks.lead = -HOUR
    assert agenda.plan(0).wake_at == LEASE // 3


def test_it_is_finished_at_once_if_closed_with_nothing_to_do() -> None:
    agenda, _ = at_work()
    agenda.close()
    agenda.noticed(0)
    assert agenda.plan(10 * LEASE) == NOTHING
    assert agenda.finished
    assert not at_work()[0].finished


def test_closed_it_claims_no_more_and_is_finished_when_all_is_settled() -> None:
    agenda, (a, b) = at_work("a", "b", next_due=1)
    agenda.close()
    assert agenda.claim_at is None
    assert agenda.plan(1) == Plan((), LEASE // 3)
    agenda.ended(ended(a))
    agenda.noticed(0)
    plan = agenda.plan(LEASE // 2)
    assert plan.commands == (Settle((ended(a),)), Renew((*leases([b]),), LEASE))
    answer(agenda, plan, LEASE // 2)
    agenda.ended(ended(b))
    assert not agenda.finished
    plan = agenda.plan(LEASE)
    assert plan.commands == (Settle((ended(b),)),)
    assert not agenda.finished
    answer(agenda, plan, LEASE)
    assert agenda.finished


def test_what_is_claimed_too_late_is_given_back_unrun() -> None:
    agenda = new_agenda()
    plan = agenda.plan(0)
    agenda.close()
    assert not agenda.finished
    records = claimed("a", "b")
    assert answer(agenda, plan, 1, records, next_due=1) == ()
    assert (agenda.running, agenda.claim_at, agenda.finished) == (0, None, False)
    plan = agenda.plan(1)
    assert plan.commands == (Settle(tuple(ended(record, "interrupted") for record in records)),)
    assert ended(records[0], "interrupted").outcome == "released"
    answer(agenda, plan, 1)
    assert agenda.finished


def test_closed_it_tries_until_the_datastore_works_again() -> None:
    agenda, (a,) = at_work("a")
    agenda.ended(ended(a))
    agenda.close()
    plan = agenda.plan(1)
    agenda.exchange_failed(plan.commands, 1, chance=1)
    assert not agenda.finished
    assert agenda.plan(SECOND).commands == plan.commands


def test_given_up_it_forgets_what_is_not_settled_but_waits_for_what_runs() -> None:
    agenda, (a, b) = at_work("a", "b")
    agenda.ended(ended(a))
    agenda.close()
    agenda.exchange_failed(agenda.plan(1).commands, 1, chance=1)
    agenda.give_up()
    assert not agenda.finished
    agenda.ended(ended(b))
    agenda.give_up()
    assert agenda.finished
