"""The next due time that a claim answers: until then a worker may sleep."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import Claim
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST_MICROS,
    add,
    add_failed,
    claim,
    due_task,
    later_task,
    peek,
)


class NextDueConformance:
    async def test_next_due_is_none_when_nothing_will_be_due(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("failed"))
        await add(datastore, due_task("paused", paused=True))
        assert (await datastore.ask(Claim(limit=10, lease=HOUR))).next_due is None

    async def test_next_due_is_the_next_task_s_time(self, datastore: DataStore) -> None:
        await add(datastore, later_task("b"), later_task("c", run_at=later_task("x").run_at.replace(year=2201)))
        assert (await datastore.ask(Claim(limit=10, lease=HOUR))).next_due == FUTURE_MICROS

    async def test_next_due_is_what_the_limit_left(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        assert (await datastore.ask(Claim(limit=1, lease=HOUR))).next_due == PAST_MICROS

    async def test_next_due_is_the_end_of_the_lease_just_given(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), later_task("b"))
        claimed = await datastore.ask(Claim(limit=10, lease=HOUR))
        assert claimed.next_due == claimed.now + HOUR
        again = await datastore.ask(Claim(limit=10, lease=HOUR))
        assert (again.records, again.next_due) == ((), claimed.next_due)

    async def test_next_due_is_the_end_of_the_shortest_lease(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        await claim(datastore, limit=1, lease=2 * HOUR)
        claimed = await datastore.ask(Claim(limit=1, lease=HOUR))
        assert claimed.next_due == claimed.now + HOUR

    async def test_the_store_s_time_does_not_go_back(self, datastore: DataStore) -> None:
        times = [(await peek(datastore)).now for _ in range(5)]
        assert times == sorted(times)
        assert PAST_MICROS < times[0] < FUTURE_MICROS
