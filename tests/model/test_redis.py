"""The Redis store against the reference model, on one server and on a cluster with several shards."""

from anyio.from_thread import BlockingPortal
from model.bench import Bench, TurnedClock
from model.cells import redis_cell
from model.running import try_examples
from redis_stores import own_prefix

from taskshed.datastores import RedisDataStore

SHARDS = 4  # among which the ids of the drafts are spread so that each has some


def test_valkey_does_what_the_model_does(portal: BlockingPortal, share: float, valkey_url: str) -> None:
    config = own_prefix(valkey_url)
    with redis_cell(config) as write, Bench(portal, TurnedClock(write), lambda: RedisDataStore(config)) as bench:
        try_examples(bench, 12 * share)


def test_a_valkey_cluster_does_what_the_model_does(
    portal: BlockingPortal, share: float, valkey_cluster_url: str
) -> None:
    config = own_prefix(valkey_cluster_url, cluster=True, shards=SHARDS)
    with (
        redis_cell(config) as write,
        # A claim of several shards ends a transaction. A shard that is empty then forgets its last token, and the
        # next claim of the batch is told apart only by the time, which does not stand still in the world.
        Bench(portal, TurnedClock(write), lambda: RedisDataStore(config), claims=1) as bench,
    ):
        try_examples(bench, 8 * share)
