"""Task ids: version 7 UUIDs, each greater than the one before."""

import itertools
import re
import sys
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from taskshed._ids import new_task_id

NOW = 2_000_000_000_000_000_000

CLOCKS: dict[str, Iterator[int]] = {
    "stands still": itertools.repeat(NOW),
    "goes back": itertools.count(NOW, -1_000_000),
    "jumps to and fro": itertools.cycle([NOW, NOW - 10**15, NOW + 10**9]),
    "runs": itertools.count(NOW, 1000),
}


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets each test begin as a new process does, and leaves no trace of the times it made up."""
    monkeypatch.setattr("taskshed._ids._last", 0)


def rising(ids: list[str]) -> bool:
    return all(one < other for one, other in itertools.pairwise(ids))


def test_ids_made_in_a_row_sort_as_they_were_made() -> None:
    assert rising([new_task_id() for _ in range(10_000)])


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
def test_ids_sort_as_they_were_made_whatever_the_clock_does(
    monkeypatch: pytest.MonkeyPatch, clock: Iterator[int]
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    assert rising([new_task_id() for _ in range(10_000)])


def test_an_id_is_a_version_7_uuid_in_32_digits() -> None:
    for _ in range(1000):
        task_id = new_task_id()
        assert re.fullmatch("[0-9a-f]{32}", task_id)
        assert (uuid.UUID(task_id).version, uuid.UUID(task_id).variant) == (7, uuid.RFC_4122)


@pytest.mark.parametrize("nanoseconds", [0, 999_999, 1_000_000, NOW, NOW + 999_999], ids=str)
def test_an_id_tells_the_time_it_was_made(monkeypatch: pytest.MonkeyPatch, nanoseconds: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds)
    assert uuid.UUID(new_task_id()).int >> 80 == nanoseconds // 1_000_000


def test_ids_of_one_instant_cannot_be_guessed_from_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOW)
    assert len({new_task_id()[16:] for _ in range(1000)}) == 1000


def test_threads_make_no_id_twice_and_each_sees_its_own_rise() -> None:
    made: list[list[str]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda ids=ids: ids.extend(new_task_id() for _ in range(10_000))) for ids in made
    ]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(set().union(*made)) == 40_000
    assert all(rising(ids) for ids in made)
