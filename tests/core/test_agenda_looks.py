"""What a worker sends along with its settlements, and when it looks again because of them."""

import msgspec
import pytest
from core.agendas import LEASE, SECOND, answer, at_work, claimed, ended, leases, new_agenda

from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores.commands import Claim, Note, Renew, Settle
from taskshed.workers._agenda import Agenda, Plan
from taskshed.workers._event_driven import wake_when_due
from taskshed.workers._looks import WakeRule
from taskshed.workers._polling import wake_every

NOTE, NEWER = Note("parent", "boom"), Note("parent", "bang")


def forked(record: Record, due: int) -> Settlement:
    """An occurrence that became a task of its own."""
    return msgspec.structs.replace(ended(record), child=Record(task_id="child", body="", run_at=due))


def test_a_note_travels_with_the_settlement_after_it() -> None:
    agenda, (a, b) = at_work("a", "b", next_due=1)
    agenda.ended(ended(a), NOTE)
    plan = agenda.plan(LEASE // 2)
    assert plan.commands == (Settle((ended(a),)), NOTE, Renew((*leases([b]),), LEASE), Claim(2, LEASE))
    answer(agenda, plan, LEASE // 2)
    assert agenda.plan(LEASE // 2) == Plan((), LEASE // 2 + LEASE // 3)


def test_notes_are_sent_in_the_order_in_which_the_runs_ended() -> None:
    agenda, (a, b, c) = at_work("a", "b", "c")
    for record, note in ((a, NOTE), (b, None), (c, NEWER)):
        agenda.ended(ended(record), note)
    assert agenda.plan(1).commands == (Settle((ended(a), ended(b), ended(c))), NOTE, NEWER)


def test_a_note_is_sent_again_after_a_failed_exchange() -> None:
    agenda, (a,) = at_work("a")
    agenda.ended(ended(a), NOTE)
    for now in range(0, 3 * SECOND, SECOND):
        plan = agenda.plan(now)
        assert plan.commands == (Settle((ended(a),)), NOTE)
        agenda.exchange_failed(plan.commands, now, chance=1)
    answer(agenda, agenda.plan(3 * SECOND), 3 * SECOND)
    assert agenda.plan(10 * LEASE) == Plan((), None)


def test_what_failed_to_be_noted_is_noted_before_what_is_newer() -> None:
    agenda, (a, b) = at_work("a", "b")
    agenda.ended(ended(a), NOTE)
    plan = agenda.plan(0)
    agenda.ended(ended(b), NEWER)
    agenda.exchange_failed(plan.commands, 0, chance=1)
    assert agenda.plan(SECOND).commands == (Settle((ended(a), ended(b))), NOTE, NEWER)


def test_it_is_not_finished_before_what_it_notes_is_kept() -> None:
    agenda, (a,) = at_work("a")
    agenda.ended(ended(a), NOTE)
    agenda.close()
    plan = agenda.plan(1)
    agenda.exchange_failed(plan.commands, 1, chance=1)
    assert not agenda.finished
    answer(agenda, agenda.plan(SECOND), SECOND)
    assert agenda.finished


def test_given_up_it_forgets_its_notes() -> None:
    agenda, (a,) = at_work("a")
    agenda.ended(ended(a), NOTE)
    agenda.close()
    agenda.exchange_failed(agenda.plan(1).commands, 1, chance=1)
    agenda.give_up()
    assert agenda.plan(SECOND).commands == ()
    assert agenda.finished


RULES: dict[str, WakeRule] = {"event-driven": wake_when_due, "polling": wake_every(50 * SECOND)}
by_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def working(rule: WakeRule, *task_ids: str, next_due: int | None = None) -> tuple[Agenda, tuple[Record, ...]]:
    """An agenda with that rule that claimed these at 0."""
    agenda = new_agenda(rule=rule)
    return agenda, answer(agenda, agenda.plan(0), 0, claimed(*task_ids), next_due)


@by_rule
@pytest.mark.parametrize("due", [-5, 0, 7], ids=["long due", "due when it was claimed", "due now"])
def test_a_new_child_is_claimed_with_the_exchange_that_adds_it(rule: WakeRule, due: int) -> None:
    agenda, (a, _) = working(rule, "a", "b")
    agenda.ended(forked(a, due))
    plan = agenda.plan(7)
    assert plan.commands == (Settle((forked(a, due),)), Claim(2, LEASE))
    assert answer(agenda, plan, 7, claimed("child")) == claimed("child")
    assert agenda.running == 2


@by_rule
def test_a_child_whose_exchange_failed_is_claimed_when_that_is_made_again(rule: WakeRule) -> None:
    agenda, (a,) = working(rule, "a")
    agenda.ended(forked(a, 0))
    plan = agenda.plan(1)
    agenda.exchange_failed(plan.commands, 1, chance=1)
    assert agenda.plan(SECOND).commands == plan.commands == (Settle((forked(a, 0),)), Claim(3, LEASE))


@by_rule
def test_a_child_is_left_to_others_once_closed(rule: WakeRule) -> None:
    agenda, (a,) = working(rule, "a")
    agenda.close()
    agenda.ended(forked(a, 0))
    assert agenda.claim_at is None
    assert agenda.plan(1).commands == (Settle((forked(a, 0),)),)


LOOKS: dict[str, tuple[int | None, bool]] = {
    # earliest due time left by a claim at 0, whether the next settlement comes with a look
    "its lease's end": (LEASE, True),
    "before it": (LEASE - 1, False),
    "after it": (LEASE + 1, False),
    "nothing": (None, False),
}


@pytest.mark.parametrize(("next_due", "expected"), LOOKS.values(), ids=LOOKS)
def test_it_looks_with_a_settlement_if_its_lease_was_the_next_to_be_due(next_due: int | None, expected: bool) -> None:
    agenda, (a,) = at_work("a", next_due=next_due)
    agenda.ended(ended(a))
    assert agenda.plan(5).commands == (Settle((ended(a),)), Claim(3, LEASE))[: 1 + expected]


def test_it_looks_once_and_then_knows_what_is_next() -> None:
    agenda, (a, b) = at_work("a", "b", next_due=LEASE)
    agenda.ended(ended(a))
    answer(agenda, agenda.plan(5), 5, next_due=LEASE)
    assert agenda.claim_at == LEASE
    agenda.ended(ended(b))
    assert agenda.plan(6).commands == (Settle((ended(b),)),)


def test_it_does_not_look_for_the_lease_of_another() -> None:
    agenda, (a,) = at_work("a", next_due=1)
    answer(agenda, agenda.plan(1), 1, next_due=1 + LEASE)  # nothing was claimed, so this lease was given elsewhere
    agenda.ended(ended(a))
    assert agenda.plan(5).commands == (Settle((ended(a),)),)


def test_what_it_looked_for_in_vain_it_looks_for_again() -> None:
    agenda, (a,) = at_work("a", next_due=LEASE)
    agenda.ended(ended(a))
    plan = agenda.plan(5)
    agenda.exchange_failed(plan.commands, 5, chance=1)
    assert agenda.plan(SECOND).commands == plan.commands == (Settle((ended(a),)), Claim(3, LEASE))


def test_closed_it_settles_without_a_look() -> None:
    agenda, (a,) = at_work("a", next_due=LEASE)
    agenda.close()
    agenda.ended(ended(a))
    assert agenda.plan(5).commands == (Settle((ended(a),)),)


def test_with_nothing_due_it_has_worked_off_what_was() -> None:
    agenda, _ = at_work(next_due=500)
    assert agenda.worked_off(0)
    agenda.noticed(300)
    assert agenda.worked_off(299)


def test_it_has_not_worked_off_what_it_has_not_looked_for() -> None:
    agenda = new_agenda()
    assert not agenda.worked_off(0)
    plan = agenda.plan(0)
    assert not agenda.worked_off(0)
    agenda.exchange_failed(plan.commands, 0, chance=1)
    assert not agenda.worked_off(0)
    answer(agenda, agenda.plan(SECOND), SECOND)
    assert agenda.worked_off(SECOND)


def test_it_has_not_worked_off_what_runs_or_is_not_settled_and_looks_again_after_the_last_run() -> None:
    agenda, (a,) = at_work("a", next_due=10 * LEASE)
    assert not agenda.worked_off(0)
    agenda.ended(ended(a), NOTE)
    assert not agenda.worked_off(0)
    plan = agenda.plan(0)
    assert plan.commands == (Settle((ended(a),)), NOTE)
    assert not agenda.worked_off(0)
    answer(agenda, plan, 0)
    assert not agenda.worked_off(5)
    look = agenda.plan(5)
    assert look.commands == (Claim(3, LEASE),)
    answer(agenda, look, 5, next_due=10 * LEASE)
    assert agenda.worked_off(5)


def test_a_look_that_was_begun_before_does_not_count() -> None:
    agenda = new_agenda()
    plan = agenda.plan(0)
    agenda.looks.anew()
    answer(agenda, plan, 0)
    assert not agenda.worked_off(0)
    answer(agenda, agenda.plan(0), 0)
    assert agenda.worked_off(0)


def test_what_others_are_about_to_claim_is_not_worked_off() -> None:
    agenda, _ = at_work(next_due=0)
    assert not agenda.worked_off(0)
    assert agenda.plan(0).wake_at == SECOND // 50
    answer(agenda, agenda.plan(SECOND // 50), SECOND // 50)
    assert agenda.worked_off(SECOND // 50)


def test_closed_it_never_has_worked_off() -> None:
    agenda, _ = at_work()
    agenda.close()
    assert not agenda.worked_off(0)


def test_a_polling_worker_does_not_look_before_its_time() -> None:
    agenda, (a,) = working(wake_every(50 * SECOND), "a", next_due=LEASE)
    agenda.ended(ended(a))
    assert agenda.plan(5).commands == (Settle((ended(a),)),)
