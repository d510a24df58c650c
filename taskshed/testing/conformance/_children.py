"""Children: new tasks that settlements bring with them, and that are there if and only if the settlement counts."""

from typing import Any

import msgspec
import pytest

from taskshed._planning import Outcome
from taskshed._records import Record, freeze, thaw
from taskshed.datastores import DataStore
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Changed,
    Claim,
    Command,
    Everything,
    InGroup,
    Move,
    Pause,
    Remove,
    Resume,
    Settle,
)
from taskshed.models import Task
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST,
    PAST_MICROS,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    heard,
    ids,
    later_task,
    lease_of,
    listening,
    peek,
    renew,
    settle,
    settlement,
)

A = ById(("a",))
CHILDREN = InGroup("children")
COUNT = 1000
OUTCOMES: tuple[Outcome, ...] = ("next", "done", "failed", "released")
TEXTS = {
    "nothing": "",
    "null": "null",
    "odd": 'it\'s 100% \\ {broken}\r\n"🐌" :name %s \u2028',
    "long": '{"runs":"' + "snail 🐌 " * 10_000 + '"}',
}
LOSSES: dict[str, Command[Any]] = {
    "claimed again": Claim(limit=1, lease=HOUR),
    "removed": Remove(A),
    "replaced": Add((freeze(due_task("a")),)),
    "moved": Move({"a": PAST_MICROS + 1}),
}

_each_outcome = pytest.mark.parametrize("outcome", OUTCOMES)
_each_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())


def _child(task_id: str = "child", **fields: Any) -> Record:
    """A due task in the group of children, as a settlement has it."""
    return freeze(due_task(task_id, **{"group_id": "children"} | fields))


async def _children(datastore: DataStore) -> list[Task]:
    return await datastore.fetch(CHILDREN)


def _names(tasks: list[Task]) -> list[str]:
    """What children are called whose `kwargs` say so, for their ids may be others than were given."""
    return sorted(task.kwargs["name"] for task in tasks)


class ChildrenConformance:
    @_each_outcome
    async def test_a_child_is_added_with_its_settlement(self, datastore: DataStore, outcome: Outcome) -> None:
        await add(datastore, due_task("a", group_id="parents"))
        claimed, child = await claim_only(datastore, "a"), _child(kwargs={"name": "Ada"})
        assert await settle(datastore, settlement(claimed, outcome, run_at=FUTURE_MICROS, child=child)) == ()
        (found,) = await _children(datastore)
        assert found == msgspec.structs.replace(thaw(child), task_id=found.task_id)
        assert len(await datastore.fetch(Everything())) == (1 if outcome == "done" else 2)

    @_each_outcome
    async def test_the_settled_task_is_as_without_a_child(self, datastore: DataStore, outcome: Outcome) -> None:
        await add(datastore, due_task("with"), due_task("without"))
        fields = {"run_at": FUTURE_MICROS, "attempts": 4, "error": "boom", "progress": '{"runs":3}'}
        settlements = [settlement(record, outcome, **fields) for record in await claim(datastore)]
        family = [
            msgspec.structs.replace(item, child=_child() if item.task_id == "with" else None) for item in settlements
        ]
        assert await settle(datastore, *family) == ()
        both = [
            msgspec.structs.replace(task, task_id="either", failed_at=None)
            for task in await datastore.fetch(ById(("with", "without")))
        ]
        assert both[:1] == both[1:]
        assert len(await _children(datastore)) == 1

    @_each_text
    async def test_a_child_keeps_its_body_and_progress(self, datastore: DataStore, text: str) -> None:
        await add(datastore, due_task("a"))
        child = msgspec.structs.replace(_child(), body=text, progress=text)
        await settle(datastore, settlement(await claim_only(datastore, "a"), "done", child=child))
        (record,) = await claim(datastore)
        fields = {"task_id": record.task_id, "token": record.token, "leased_until": record.leased_until, "attempts": 1}
        assert record == msgspec.structs.replace(child, **fields)
        assert record.token > 0

    async def test_a_child_without_group_and_progress(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="parents"))
        claimed = await claim_only(datastore, "a")
        await settle(datastore, settlement(claimed, "done", progress="{}", child=_child(group_id=None)))
        (record,) = await claim(datastore)
        assert (record.group_id, record.progress, record.error, record.run_at) == (None, None, None, PAST_MICROS)

    @_each_outcome
    @pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
    async def test_a_stale_settlement_adds_no_child(
        self, datastore: DataStore, loss: Command[Any], outcome: Outcome
    ) -> None:
        await add(datastore, due_task("a"))
        lost = await claim_only(datastore, "a", lease=0)
        await datastore.ask(loss)
        before, next_due = await datastore.fetch(Everything()), (await peek(datastore)).next_due
        assert await settle(datastore, settlement(lost, outcome, child=_child())) == (lease_of(lost),)
        assert await datastore.fetch(Everything()) == before
        assert await _children(datastore) == []
        assert (await peek(datastore)).next_due == next_due

    @_each_outcome
    async def test_a_settlement_sent_twice_adds_its_child_once(self, datastore: DataStore, outcome: Outcome) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        sent = Settle((settlement(claimed, outcome, run_at=FUTURE_MICROS, child=_child()),))
        assert await datastore.ask_all((sent, sent)) == [(), (lease_of(claimed),)]
        assert await datastore.ask(sent) == (lease_of(claimed),)
        assert len(await _children(datastore)) == 1
        assert len(await claim(datastore)) == 1
        assert await datastore.ask(sent) == (lease_of(claimed),)
        assert [task.status for task in await _children(datastore)] == ["running"]

    async def test_of_two_settlements_of_one_claim_the_child_of_the_first_is_added(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        a, b = await claim(datastore)
        first, second = (_child(f"child {name}", kwargs={"name": name}) for name in ("first", "second"))
        stale = await settle(
            datastore,
            settlement(a, "next", child=first),
            settlement(a, "next", child=second),
            settlement(b, "next"),
            settlement(b, "next", child=second),
        )
        assert set(stale) == {lease_of(a), lease_of(b)}
        assert _names(await _children(datastore)) == ["first"]

    async def test_settlements_with_children_are_judged_one_by_one(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name) for name in "abcdefgh"))
        old = {record.task_id: record for record in await claim(datastore, lease=0)}
        new = {record.task_id: record for record in await claim(datastore)}
        outcomes = dict(zip("abcdefgh", OUTCOMES * 2, strict=True))
        settlements = [
            settlement(held[name], outcomes[name], child=_child(f"child {name}", kwargs={"name": name}))
            for name, held in zip("abcdefgh", (new, new, old, new, old, new, new, old), strict=True)
        ]
        assert set(await settle(datastore, *settlements)) == {lease_of(old[name]) for name in "ceh"}
        assert _names(await _children(datastore)) == ["a", "b", "d", "f", "g"]

    async def test_a_child_is_claimed_in_the_batch_that_adds_it(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        a, b = await claim(datastore)
        children = [_child(f"child {n}", run_at=PAST, kwargs={"name": n}) for n in ("one", "two")]
        settled = Settle((settlement(a, "done", child=children[0]), settlement(b, "failed", child=children[1])))
        _, claimed = await datastore.ask_all((settled, Claim(limit=9, lease=HOUR)))
        assert _names([thaw(record) for record in claimed.records]) == ["one", "two"]
        assert claimed.next_due == claimed.now + HOUR
        assert await claim(datastore) == ()

    async def test_a_child_that_is_not_due_waits(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        child = freeze(later_task("child"))
        settled = Settle((settlement(await claim_only(datastore, "a"), "done", child=child),))
        _, claimed = await datastore.ask_all((settled, Claim(limit=9, lease=HOUR)))
        assert (claimed.records, claimed.next_due) == ((), FUTURE_MICROS)

    async def test_a_child_of_a_paused_run_is_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Pause(A))
        assert await settle(datastore, settlement(claimed, "next", child=_child())) == ()
        (record,) = await claim(datastore)
        assert record.group_id == "children"
        assert (await fetch_only(datastore, "a")).paused

    async def test_children_are_paused_and_removed_by_group(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "done", child=_child()))
        await datastore.ask(Pause(CHILDREN))
        assert [task.paused for task in await _children(datastore)] == [True]
        assert await claim(datastore) == ()
        assert await datastore.ask(Resume(CHILDREN)) == Changed(earliest=PAST_MICROS)
        await datastore.ask(Remove(CHILDREN))
        assert await datastore.fetch(Everything()) == []
        assert (await peek(datastore)).next_due is None

    async def test_a_child_is_a_task_like_any_other(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await settle(datastore, settlement(await claim_only(datastore, "a"), "done", child=_child()))
        (record,) = await claim(datastore)
        child_id = ById((record.task_id,))
        assert await renew(datastore, (lease_of(record),), 0) == ()
        assert await datastore.ask(Pause(child_id)) == Changed()
        assert await datastore.ask(Resume(child_id)) == Changed(earliest=(await peek(datastore)).next_due)
        assert await datastore.ask(Move({record.task_id: PAST_MICROS})) == Changed(earliest=PAST_MICROS)
        kept = msgspec.structs.replace(record, body="{}")
        assert await datastore.ask(Add((kept,), replace=False)) == Added(kept=(record.task_id,))
        (again,) = await claim(datastore)
        assert (again.task_id, again.body) == (record.task_id, record.body)
        grandchild = _child("grandchild", kwargs={"name": "Ada"})
        assert await settle(datastore, settlement(again, "done", child=grandchild)) == ()
        assert _names(await datastore.fetch(Everything())) == ["Ada"]

    async def test_a_child_is_told(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, due_task("a"), due_task("b"))
            a, b = await claim(datastore)
            await heard(datastore, mailbox)
            await settle(datastore, settlement(a, "done", child=freeze(later_task("later"))))
            assert await heard(datastore, mailbox) == [FUTURE_MICROS]
            await settle(datastore, settlement(b, "next", run_at=FUTURE_MICROS, child=_child()))
            assert await heard(datastore, mailbox) == [PAST_MICROS]

    async def test_children_with_long_names_are_told_apart(self, datastore: DataStore) -> None:
        names = [f"{number:02}" for number in range(40)]
        await add(datastore, *(due_task(name) for name in names))
        settlements = [
            settlement(record, "done", child=_child(f"{record.task_id:ü>255}", kwargs={"name": record.task_id}))
            for record in await claim(datastore)
        ]
        assert await settle(datastore, *settlements) == ()
        assert _names(await _children(datastore)) == names
        assert max(len(record.task_id) for record in await claim(datastore)) <= 255

    async def test_a_thousand_children_in_one_batch(self, datastore: DataStore) -> None:
        names = [f"{number:03}" for number in range(COUNT)]
        await add(datastore, *(due_task(name) for name in names))
        settlements = [
            settlement(
                record,
                OUTCOMES[n % 4],
                run_at=FUTURE_MICROS,
                child=_child(f"child of {record.task_id}", kwargs={"name": record.task_id}),
            )
            for n, record in enumerate(await claim(datastore, limit=COUNT))
        ]
        assert await settle(datastore, *settlements) == ()
        children = await _children(datastore)
        assert _names(children) == names
        assert sorted(ids(await claim(datastore, limit=2 * COUNT))) == sorted(ids(children))
        assert len(await datastore.fetch(ById(tuple(ids(children))))) == COUNT
        assert len(await datastore.fetch(Everything())) == COUNT + COUNT * 3 // 4
