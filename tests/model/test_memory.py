"""The memory store against the reference model."""


from anyio.from_thread import BlockingPortal
from model.bench import Bench, TurnedClock
from model.running import try_examples

from taskshed.datastores import InMemoryDataStore


EXAMPLES = 60


def test_memory_does_what_the_model_does(portal: BlockingPortal) -> None:
    bench = Bench(portal, TurnedClock(), InMemoryDataStore, processes=1, lasting=False)
    try_examples(bench, EXAMPLES)
    bench.close()
