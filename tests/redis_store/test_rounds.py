"""How a batch of commands is cut into scripts for shards, and what becomes of the answers: no server needed."""

from collections.abc import Iterable
from typing import Any

import pytest

from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores._redis._operations import BATCH, shard_of
from taskshed.datastores._redis._rounds import Replies, Requests, carry_out
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Cancel,
    Changed,
    Claim,
    Claimed,
    Command,
    Everything,
    Failed,
    InGroup,
    Lease,
    Move,
    Note,
    Pause,
    Remove,
    Renew,
    Renewed,
    Resume,
    Retry,
    Settle,
)

NAMES = [f"task {number}" for number in range(450)]
MANY = 3  # shards


def record(task_id: str, **fields: Any) -> Record:
    return Record(task_id=task_id, body="{}", run_at=1, **fields)


def asked(commands: list[Command[Any]], shards: int = 1) -> Requests:
    """What the first round asks."""
    return next(carry_out(commands, shards))


def answered(commands: list[Command[Any]], *rounds: Replies, shards: int = 1) -> list[Any]:
    """What the commands are answered when the rounds are."""
    batch = carry_out(commands, shards)
    next(batch)
    try:
        for replies in rounds:
            batch.send(replies)
    except StopIteration as stop:
        answers: list[Any] = stop.value
        return answers
    raise AssertionError("it goes on")


def sizes(requests: Requests) -> dict[int, list[int]]:
    return {shard: [sum(len(op[1]) for op in ops) for ops in scripts] for shard, scripts in requests.items()}


def test_no_commands_ask_nobody() -> None:
    with pytest.raises(StopIteration) as stop:
        next(carry_out([], 1))
    assert stop.value.value == []


def test_commands_share_a_script_in_their_order() -> None:
    requests = asked([Add((record("a"),)), Renew((Lease("b", 7),), 5), Claim(limit=10, lease=9)])
    add, renew, claim = requests[0][0]
    assert add == ["add", [["a", "0:{}", None, 1, None]], True]
    assert renew == ["renew", [["b", 7]], 5]
    assert claim[:3] == ["claim", 10, 9]


def test_a_settlement_is_asked_for_with_all_that_is_written() -> None:
    first = Settlement(task_id="a", token=7, outcome="next", run_at=2**53, attempts=1, error="boom", progress="{}")
    second = Settlement(task_id="b", token=8, outcome="failed", run_at=9)
    lines = [["a", 7, "next", str(2**53), 1, "boom", "{}"], ["b", 8, "failed", 9, 0, None, None]]
    assert asked([Settle((first, second))]) == {0: [[["settle", lines]]]}


def children_asked_for(settlements: Iterable[Settlement], shards: int) -> dict[str, tuple[str, int]]:
    """By task id: what its child is called, and in which shard it is added."""
    requests = asked([Settle(tuple(settlements))], shards)
    lines = [(line, shard) for shard, scripts in requests.items() for ops in scripts for op in ops for line in op[1]]
    return {line[0]: (line[-1][0], shard) for line, shard in lines}


def settled_with_children(names: Iterable[str], child_id: str = "child of {}") -> list[Settlement]:
    def child(name: str) -> Record:
        return record(child_id.format(name), group_id="g")

    return [Settlement(task_id=name, token=7, outcome="done", run_at=9, child=child(name)) for name in names]


def test_a_child_is_asked_for_with_its_settlement_only() -> None:
    (with_child,), without = settled_with_children(["a"]), Settlement(task_id="b", token=8, outcome="done", run_at=9)
    asked_for = ["a", 7, "done", 9, 0, None, None, ["child of a", "1:g{}", "g", 1, None]]
    lines = [asked_for, ["b", 8, "done", 9, 0, None, None]]
    assert asked([Settle((with_child, without))]) == {0: [[["settle", lines]]]}


def test_in_one_shard_a_child_keeps_its_id() -> None:
    found = children_asked_for(settled_with_children(NAMES), 1)
    assert found == {name: (f"child of {name}", 0) for name in NAMES}


@pytest.mark.parametrize("shards", [2, 3, 7, 8, 64, 1000, 1024])
def test_a_child_is_in_the_shard_of_its_task(shards: int) -> None:
    settlements = settled_with_children(NAMES)
    found = children_asked_for(settlements, shards)
    assert {name: shard for name, (_, shard) in found.items()} == {name: shard_of(name, shards) for name in NAMES}
    assert all(shard_of(child_id, shards) == shard for child_id, shard in found.values())
    assert len({child_id for child_id, _ in found.values()}) == len(NAMES)
    kept = {name for name in NAMES if shard_of(name, shards) == shard_of(f"child of {name}", shards)}
    assert {name for name, (child_id, _) in found.items() if child_id == f"child of {name}"} == kept
    assert children_asked_for(settlements, shards) == found  # who tries again sends the same


@pytest.mark.parametrize("length", [32, 244, 245, 255])
def test_another_id_of_a_child_is_not_too_long_and_its_own(length: int) -> None:
    settlements = settled_with_children(NAMES, child_id=f"{{:ü>{length}}}")
    found = {child_id for child_id, _ in children_asked_for(settlements, 1024).values()}
    assert len(found) == len(NAMES)
    assert max(map(len, found)) <= 255


def test_a_note_is_asked_for_in_the_shard_of_its_task() -> None:
    requests = asked([Note(name, "boom") for name in NAMES[:20]], MANY)
    found = {op[1]: shard for shard, scripts in requests.items() for ops in scripts for op in ops}
    assert found == {name: shard_of(name, MANY) for name in NAMES[:20]}


def test_a_script_has_no_more_than_a_batch_of_tasks() -> None:
    assert sizes(asked([Remove(ById(tuple(NAMES)))])) == {0: [BATCH, BATCH, 450 - 2 * BATCH]}
    assert sizes(asked([Remove(ById((name,))) for name in NAMES])) == {0: [BATCH, BATCH, 450 - 2 * BATCH]}


def test_each_task_is_asked_for_in_its_shard_only() -> None:
    requests = asked([Pause(ById(tuple(NAMES)))], MANY)
    found = {name: shard for shard, scripts in requests.items() for ops in scripts for op in ops for name in op[1]}
    assert found == {name: shard_of(name, MANY) for name in NAMES}
    assert set(found.values()) == {0, 1, 2}


def test_an_id_is_always_in_the_same_shard() -> None:
    # Another answer would lose every task that is stored.
    assert [shard_of(name, 8) for name in ("", "a", "task 1", "müsli", "任务")] == [0, 3, 2, 0, 5]
    assert shard_of("a", 1) == 0


def test_what_was_missed_comes_back_in_the_order_of_the_command() -> None:
    ids = tuple(NAMES[:20])
    by_shard = {s: [name for name in ids if shard_of(name, MANY) == s] for s in range(MANY)}
    replies = {s: [[[1, len(by_shard[s])], None, b"0"]] for s in range(MANY)}
    ends = {name for names in by_shard.values() for name in (names[0], names[-1])}
    (changed,) = answered([Pause(ById(ids))], replies, shards=MANY)
    assert changed == Changed(missing=tuple(name for name in ids if name in ends))


@pytest.mark.parametrize(
    ("command", "reply", "answer"),
    [
        (Add((record("a"), record("b")), replace=False), [2], Added(kept=("b",))),
        (
            Renew((Lease("a", 1), Lease("b", 2)), 5),
            [[1], [2]],
            Renewed(stale=(Lease("a", 1),), cancelled=(Lease("b", 2),)),
        ),
        (Retry(Failed()), [[], 17, b"77"], Changed(earliest=17, rest=Failed(after="0:77"))),
        (Cancel(ById(("a", "b"))), [[2], None, b"0"], Changed(missing=("b",))),
        (
            Settle((Settlement(task_id="a", token=4, outcome="done", run_at=0),)),
            [1],
            (Lease("a", 4),),
        ),
        (Move({"a": 5, "b": 6}), [[1], b"6"], Changed(missing=("a",), earliest=6)),
        (Note("a", "boom"), 1, None),
        (Resume(ById(("a", "a", "b"))), [[2], 17, b"0"], Changed(missing=("b",), earliest=17)),
        (Remove(ById(("a",))), [[1], None, b"0"], Changed()),
        (Pause(InGroup("g")), [[], None, b"0"], Changed()),
        (Pause(InGroup("g")), [[], None, b"77"], Changed(rest=InGroup("g", after="0:77"))),
        (Remove(Everything(after="0:77")), [[], None, b"5"], Changed(rest=Everything(after="0:5"))),
        (Claim(limit=5, lease=1), [100, None], Claimed(now=100, records=(), next_due=None)),
    ],
)
def test_answers(command: Command[Any], reply: Any, answer: Any) -> None:
    assert answered([command], {0: [reply]}) == [answer]


def test_a_group_goes_on_in_the_shards_that_have_more_of_it() -> None:
    replies: Replies = {shard: [[[], None, cursor]] for shard, cursor in enumerate((b"9", b"0", b"4"))}
    (changed,) = answered([Pause(InGroup("g"))], replies, shards=MANY)
    assert changed.rest == InGroup("g", after="0:9,2:4")
    requests = asked([Pause(changed.rest)], MANY)
    assert requests == {s: [[["pause", False, "g", c, BATCH]]] for s, c in ((0, "9"), (2, "4"))}


def test_a_claim_from_several_shards_takes_what_is_due_first_in_all() -> None:
    batch = carry_out([Claim(limit=3, lease=9)], MANY)
    assert next(batch) == {shard: [[["peek", 3]]] for shard in range(MANY)}
    requests = batch.send({0: [[50, [b"1", b"5", b"6"]]], 1: [[51, [b"2", b"3"]]], 2: [[52, []]]})
    assert requests == {s: [[["claim", limit, 9, 50]]] for s, limit in ((0, 1), (1, 2), (2, 0))}


def test_what_comes_before_a_claim_goes_before_it_and_what_comes_after_it_after() -> None:
    batch = carry_out([Remove(ById(("a",))), Claim(limit=1, lease=9), Remove(ById(("b",)))], MANY)
    first = next(batch)
    assert ["remove", ["a"]] in first[shard_of("a", MANY)][0]
    second = batch.send({s: [*([[[], None, b"0"]] if s == shard_of("a", MANY) else []), [50, []]] for s in range(MANY)})
    assert second[shard_of("b", MANY)][0][-1] == ["remove", ["b"]]


def test_a_claim_answers_rows_in_the_order_in_which_they_were_due() -> None:
    def row(task_id: bytes, due: bytes) -> list[bytes]:
        return [task_id, b"0:{}", due, b"\x82\xa6run_at\x01\xa5token\x05"]

    batch = carry_out([Claim(limit=9, lease=9)], 2)
    next(batch)
    batch.send({0: [[50, [b"1", b"4"]]], 1: [[51, [b"2"]]]})
    with pytest.raises(StopIteration) as stop:
        batch.send({0: [[50, b"70", *row(b"a", b"1"), *row(b"c", b"4")]], 1: [[50, b"60", *row(b"b", b"2")]]})
    (claimed,) = stop.value.value
    assert [item.task_id for item in claimed.records] == ["a", "b", "c"]
    assert (claimed.now, claimed.next_due) == (50, 60)


def test_of_several_claims_in_one_shard_the_last_tells_what_is_left() -> None:
    assert answered([Claim(limit=2 * BATCH, lease=9)], {0: [[50, b"1"], [51, None]]}) == [
        Claimed(now=50, records=(), next_due=None)
    ]
