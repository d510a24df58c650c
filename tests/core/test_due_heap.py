"""Due times in memory, compared with a list that is sorted anew each time."""

from random import Random

import pytest

from taskshed.datastores._due_heap import DueHeap

FOREVER = 10**18


def filled(*entries: tuple[str, int | None]) -> DueHeap:
    heap = DueHeap()
    for task_id, due in entries:
        heap.set(task_id, due)
    return heap


def popped(heap: DueHeap, until: int = FOREVER) -> list[str]:
    ids: list[str] = []
    while (task_id := heap.pop(until)) is not None:
        ids.append(task_id)
    return ids


ORDERS: dict[str, tuple[list[tuple[str, int | None]], list[str]]] = {
    "nothing": ([], []),
    "by due time": ([("a", 3), ("b", 1), ("c", 2)], ["b", "c", "a"]),
    "before 1970": ([("a", 0), ("b", -1)], ["b", "a"]),
    "ties as they were set": ([("z", 1), ("a", 1), ("m", 1)], ["z", "a", "m"]),
    "set again, later": ([("a", 1), ("b", 2), ("a", 3)], ["b", "a"]),
    "set again, earlier": ([("a", 3), ("b", 2), ("a", 1)], ["a", "b"]),
    "set again to the same": ([("a", 1), ("b", 1), ("a", 1)], ["b", "a"]),
    "removed": ([("a", 1), ("b", 2), ("a", None)], ["b"]),
    "removed and set again": ([("a", 1), ("a", None), ("a", 5), ("b", 2)], ["b", "a"]),
    "removed though not there": ([("a", None), ("b", 1)], ["b"]),
    "removed twice": ([("a", 1), ("a", None), ("a", None)], []),
}


@pytest.mark.parametrize(("entries", "expected"), ORDERS.values(), ids=ORDERS)
def test_ids_come_out_in_order(entries: list[tuple[str, int | None]], expected: list[str]) -> None:
    heap = filled(*entries)
    assert popped(heap) == expected
    assert heap.earliest() is None


def test_only_what_is_due_comes_out() -> None:
    heap = filled(("a", 10), ("b", 20))
    assert popped(heap, until=9) == []
    assert popped(heap, until=10) == ["a"]
    assert heap.earliest() == 20
    assert popped(heap, until=20) == ["b"]


def test_looking_takes_nothing_out() -> None:
    heap = filled(("a", 10), ("a", 5), ("b", 7), ("b", None))
    assert [heap.earliest() for _ in range(3)] == [5, 5, 5]
    assert popped(heap) == ["a"]


def test_an_id_that_came_out_can_be_set_again() -> None:
    heap = filled(("a", 10))
    assert heap.pop(10) == "a"
    heap.set("a", 10)
    assert popped(heap) == ["a"]


@pytest.mark.parametrize("due", [None, -1, 1], ids=["removed", "ever earlier", "ever later"])
def test_the_heap_stays_small_however_often_few_ids_are_set(due: int | None) -> None:
    heap = DueHeap()
    for n in range(100_000):
        heap.set(f"{n % 5}", n)
        heap.set(f"{n % 5}", due if due is None else due * n)
        assert len(heap._heap) <= 100
    assert len(popped(heap)) == (0 if due is None else 5)


def test_the_heap_shrinks_when_most_of_it_is_removed() -> None:
    heap = filled(*((f"{n}", n) for n in range(10_000)))
    for n in range(9_990):
        heap.set(f"{n}", None)
    assert len(heap._heap) <= 100
    assert popped(heap) == [f"{n}" for n in range(9_990, 10_000)]


@pytest.mark.parametrize("seed", range(20))
def test_it_does_what_a_sorted_list_does(seed: int) -> None:
    random = Random(seed)
    heap, model, serial = DueHeap(), dict[str, tuple[int, int]](), 0
    for serial in range(2000):
        task_id, due = f"{random.randrange(1, 10 ** (1 + seed % 3))}", random.randrange(20)
        match random.randrange(5):
            case 0:
                heap.set(task_id, None)
                model.pop(task_id, None)
            case 1:
                first = min(model, key=model.__getitem__, default=None)
                expected = first if first is not None and model[first][0] <= due else None
                assert heap.pop(due) == expected
                if expected is not None:
                    del model[expected]
            case _:
                heap.set(task_id, due)
                model[task_id] = due, serial
        assert heap.earliest() == min((entry[0] for entry in model.values()), default=None)
    assert popped(heap) == sorted(model, key=model.__getitem__)
