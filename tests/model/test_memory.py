"""The memory store against the reference model."""

from anyio.from_thread import BlockingPortal
from model.bench import Bench, TurnedClock
from model.running import try_examples

from taskshed.datastores import InMemoryDataStore

EXAMPLES = 60


def test_memory_does_what_the_model_does(portal: BlockingPortal, share: float) -> None:
    with Bench(portal, TurnedClock(), InMemoryDataStore, processes=1, lasting=False) as bench:
        try_examples(bench, EXAMPLES * share)
