"""The state machine finds faults: each of these stores has one."""

from collections.abc import Callable

import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import Phase
from model.bench import Bench, TurnedClock
from model.mutants import Mutant, TellsTheLatest
from model.running import try_examples

from taskshed.datastores import DataStore

FOUND = (AssertionError, LookupError)
ENOUGH = 500  # half of them are found in the first ten, and all in some hundred, but no run should fail by bad luck


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """One is enough: what is tried here is the state machine."""
    return "asyncio", {}


def expect_to_be_found(portal: BlockingPortal, make: Callable[[], DataStore]) -> None:
    with Bench(portal, TurnedClock(), make, processes=1, lasting=False) as bench, pytest.raises(FOUND):
        # Without what it found the last time, and without making it small: that takes long.
        try_examples(bench, ENOUGH, database=None, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.mark.parametrize("mutant", Mutant.__subclasses__(), ids=lambda mutant: mutant.__name__)
def test_a_store_with_a_fault_is_found(portal: BlockingPortal, mutant: type[Mutant]) -> None:
    expect_to_be_found(portal, lambda: DataStore(mutant(), immediate=True))


def test_a_store_that_wakes_workers_too_late_is_found(portal: BlockingPortal) -> None:
    expect_to_be_found(portal, TellsTheLatest)
