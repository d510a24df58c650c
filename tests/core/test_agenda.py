"""What a worker does next, when nothing goes wrong."""

from random import Random

import pytest
from core.agendas import LEASE, SECOND, answer, at_work, claimed, ended, leases, new_agenda

from taskshed._records import Record
from taskshed.datastores.commands import Claim, Renew, Settle
from taskshed.workers._agenda import MAX_CLAIM, Plan
from taskshed.workers._event_driven import wake_when_due
from taskshed.workers._looks import WakeRule
from taskshed.workers._polling import wake_every

NOTHING = Plan((), None)
HALF, TRUSTED = LEASE // 2, LEASE * 9 // 10


@pytest.mark.parametrize(
    ("size", "limit"), [(1, 1), (3, 3), (MAX_CLAIM, MAX_CLAIM), (MAX_CLAIM + 1, MAX_CLAIM), (10**6, MAX_CLAIM)]
)
def test_the_first_thing_is_to_claim_as_much_as_can_be_run(size: int, limit: int) -> None:
    assert new_agenda(size, now=5).plan(5) == Plan((Claim(limit, LEASE),), None)


def test_one_exchange_is_under_way_at_a_time() -> None:
    agenda, (a, b) = at_work("a", "b", next_due=1)
    plan = agenda.plan(1)
    assert plan.commands
    agenda.ended(ended(a))
    agenda.noticed(0)
    assert agenda.plan(HALF) == Plan((), TRUSTED)
    answer(agenda, plan, HALF, next_due=None)
    assert agenda.plan(HALF).commands == (Settle((ended(a),)), Renew((*leases([b]),), LEASE), Claim(2, LEASE))


@pytest.mark.parametrize(("running", "limit"), [([], 3), (["a"], 2), (["a", "b"], 1)], ids=["0", "1", "2"])
def test_a_claim_is_for_the_free_slots(running: list[str], limit: int) -> None:
    agenda, records = at_work(*running, next_due=1)
    assert agenda.running == len(records) == len(running)
    assert agenda.plan(1).commands == (Claim(limit, LEASE),)


def test_without_a_free_slot_nothing_is_claimed_until_one_is_free() -> None:
    agenda, (a, *_) = at_work("a", "b", "c", next_due=1)
    agenda.noticed(0)
    assert agenda.plan(1) == Plan((), LEASE // 3)
    agenda.ended(ended(a))
    assert agenda.plan(2).commands == (Settle((ended(a),)), Claim(1, LEASE))


def test_what_is_claimed_is_what_is_to_be_run_in_its_order() -> None:
    agenda = new_agenda()
    records = claimed("c", "a", "b")
    assert answer(agenda, agenda.plan(0), 0, records) == records


WAKES: dict[str, tuple[WakeRule, int | None, int | None]] = {
    # rule, earliest due time left at 100, when to claim next
    "event-driven, nothing left": (wake_when_due, None, None),
    "event-driven, later": (wake_when_due, 500, 500),
    "event-driven, now": (wake_when_due, 100, 100),
    "event-driven, long ago": (wake_when_due, -5, -5),
    "polling, nothing left": (wake_every(50), None, 150),
    "polling, after the next look": (wake_every(50), 500, 150),
    "polling, before the next look": (wake_every(50), 120, 150),
    "polling, now": (wake_every(50), 100, 100),
    "polling, long ago": (wake_every(50), -5, 100),
}


@pytest.mark.parametrize(("rule", "next_due", "expected"), WAKES.values(), ids=WAKES)
def test_it_claims_again_when_its_rule_says(rule: WakeRule, next_due: int | None, expected: int | None) -> None:
    assert rule(100, next_due) == expected
    agenda = new_agenda(MAX_CLAIM + 1, rule=rule)
    answer(agenda, agenda.plan(0), 100, claimed(*map(str, range(MAX_CLAIM))), next_due=next_due)
    assert agenda.claim_at == expected
    if expected is not None and expected > 100:
        assert agenda.plan(expected - 1) == Plan((), expected)
    assert bool(agenda.plan(10**6 if expected is None else max(100, expected)).commands) == (expected is not None)


@pytest.mark.parametrize(
    ("taken", "next_due", "expected"),
    [(2, 100, 20_100), (2, -5, 20_100), (2, 101, 101), (3, 100, 100)],
    ids=["due now", "due long ago", "due later", "its claim was full"],
)
def test_what_is_due_but_held_by_others_is_left_to_them_for_a_while(taken: int, next_due: int, expected: int) -> None:
    agenda = new_agenda()
    answer(agenda, agenda.plan(0), 100, claimed(*"abc"[:taken]), next_due=next_due)
    assert agenda.claim_at == expected


NOTICES: dict[str, tuple[int | None, list[int], int]] = {
    "earlier": (500, [300], 300),
    "later": (500, [700], 500),
    "many": (500, [400, 200, 300], 200),
    "the first": (None, [700], 700),
    "of the past": (500, [-5], -5),
}


@pytest.mark.parametrize(("next_due", "notices", "expected"), NOTICES.values(), ids=NOTICES)
@pytest.mark.parametrize("in_flight", [False, True], ids=["at rest", "while a claim is under way"])
def test_a_notice_brings_the_next_claim_forward(
    next_due: int | None, notices: list[int], expected: int, in_flight: bool
) -> None:
    agenda = new_agenda()
    plan = agenda.plan(0)
    if not in_flight:
        answer(agenda, plan, 10, next_due=next_due)
    for due in notices:
        agenda.noticed(due)
    if in_flight:
        answer(agenda, plan, 10, next_due=next_due)
    assert agenda.claim_at == expected


def test_a_notice_is_done_with_once_a_claim_has_gone_out_after_it() -> None:
    agenda, _ = at_work(next_due=500)
    agenda.noticed(300)
    answer(agenda, agenda.plan(300), 301, next_due=500)
    assert agenda.claim_at == 500


def test_settling_renewing_and_claiming_travel_together_in_this_order() -> None:
    agenda, (a, b, c) = at_work("a", "b", "c", next_due=HALF)
    agenda.ended(ended(b, "raised"))
    agenda.ended(ended(a))
    plan = agenda.plan(HALF)
    assert plan.commands == (Settle((ended(b, "raised"), ended(a))), Renew((*leases([c]),), LEASE), Claim(2, LEASE))
    assert answer(agenda, plan, HALF, claimed("d")) == claimed("d")
    assert agenda.running == 2


def test_leases_are_renewed_every_third_of_their_length_while_something_runs() -> None:
    agenda, records = at_work("a", "b")
    for now in (LEASE // 3, 2 * LEASE // 3, LEASE):
        assert agenda.plan(now - 1) == Plan((), now)
        plan = agenda.plan(now)
        [renew] = plan.commands
        assert isinstance(renew, Renew)
        assert (set(renew.leases), renew.lease) == (leases(records), LEASE)
        answer(agenda, plan, now)
    for record in records:
        agenda.ended(ended(record))
    answer(agenda, agenda.plan(LEASE + 1), LEASE + 1)
    assert agenda.plan(10 * LEASE) == NOTHING


def test_the_first_run_after_a_pause_is_renewed_a_third_after_it_began() -> None:
    agenda, (a,) = at_work("a", next_due=LEASE)
    agenda.ended(ended(a))
    answer(agenda, agenda.plan(1), 1, next_due=LEASE)
    answer(agenda, agenda.plan(LEASE), LEASE, claimed("b"))
    assert agenda.plan(LEASE) == Plan((), LEASE + LEASE // 3)


@pytest.mark.parametrize("seed", range(5))
def test_everything_claimed_is_settled_once_and_never_more_run_than_may(seed: int) -> None:
    random, agenda, running, settled, serial = Random(seed), new_agenda(5), list[Record](), list[str](), 0
    for now in range(0, 1000 * SECOND, SECOND):
        plan = agenda.plan(now)
        fresh: tuple[Record, ...] = ()
        for command in plan.commands:
            match command:
                case Settle(settlements=settlements):
                    settled += [settlement.task_id for settlement in settlements]
                case Claim(limit=limit):
                    fresh = claimed(*(f"{serial + n}" for n in range(random.randint(0, limit))))
                    serial += len(fresh)
        for _ in range(random.randrange(min(3, len(running) + 1))):
            agenda.ended(ended(running.pop(random.randrange(len(running)))))
        if plan.commands:
            running += answer(agenda, plan, now, fresh, random.choice([None, now, now + 5 * SECOND]))
        if random.random() < 0.3:
            agenda.noticed(now + random.randrange(5 * SECOND))
        assert agenda.running == len(running) <= 5
    agenda.close()
    for record in running:
        agenda.ended(ended(record))
    last = agenda.plan(1000 * SECOND)
    for command in last.commands:
        assert isinstance(command, Settle)
        settled += [settlement.task_id for settlement in command.settlements]
    answer(agenda, last, 1000 * SECOND)
    assert agenda.finished
    assert sorted(settled, key=int) == [f"{n}" for n in range(serial)]
