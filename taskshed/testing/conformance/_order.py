"""Order: what is due first is claimed first, however it came to be due."""

from datetime import timedelta

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Everything, InGroup, Move, Pause, Resume
from taskshed.testing.conformance._builders import (
    PAST,
    PAST_MICROS,
    add,
    claim,
    claim_only,
    due_task,
    ids,
    later_task,
    settle,
    settlement,
)

MICROSECOND = timedelta(microseconds=1)


class OrderConformance:
    async def test_claims_come_in_due_order(self, datastore: DataStore) -> None:
        years = {"a": 2012, "b": 1971, "c": 2003, "d": 1999, "e": 2007}
        await add(datastore, *(due_task(name, run_at=PAST.replace(year=year)) for name, year in years.items()))
        assert ids(await claim(datastore)) == ["b", "d", "c", "e", "a"]

    async def test_claims_come_in_due_order_to_the_microsecond(self, datastore: DataStore) -> None:
        shuffled = [5, 2, 7, 0, 3, 6, 1, 4]
        await add(datastore, *(due_task(str(number), run_at=PAST + number * MICROSECOND) for number in shuffled))
        assert ids(await claim(datastore)) == list("01234567")

    async def test_due_order_does_not_depend_on_ids(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name, run_at=PAST - number * MICROSECOND) for number, name in enumerate("abc")))
        assert ids(await claim(datastore, limit=2)) == ["c", "b"]

    async def test_everything_is_fetched_by_run_at(self, datastore: DataStore) -> None:
        far = PAST.replace(year=9999)
        tasks = [later_task(str(number), run_at=far + number * MICROSECOND) for number in (3, 1, 2, 0)]
        await add(datastore, *tasks, due_task("first"))
        assert ids(await datastore.fetch(Everything())) == ["first", "0", "1", "2", "3"]

    async def test_fetch_is_by_run_at_whatever_the_state(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(str(n), group_id="g", run_at=PAST + n * MICROSECOND) for n in (2, 0, 1)))
        await claim(datastore, limit=1)
        await datastore.ask(Pause(ById(("1",))))
        assert ids(await datastore.fetch(InGroup("g"))) == ["0", "1", "2"]
        assert ids(await datastore.fetch(Everything())) == ["0", "1", "2"]

    async def test_moves_change_the_due_order(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name, run_at=PAST + n * MICROSECOND) for n, name in enumerate("abc")))
        await datastore.ask(Move({"c": PAST_MICROS - 1, "a": PAST_MICROS + 10}))
        assert ids(await claim(datastore)) == ["c", "b", "a"]

    async def test_resumed_tasks_take_their_old_place(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name, run_at=PAST + n * MICROSECOND) for n, name in enumerate("abc")))
        await datastore.ask(Pause(ById(("a",))))
        await datastore.ask(Resume(ById(("a",))))
        assert ids(await claim(datastore)) == ["a", "b", "c"]

    async def test_released_tasks_take_their_old_place(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await add(datastore, due_task("b", run_at=PAST + MICROSECOND))
        await settle(datastore, settlement(claimed, "released"))
        assert ids(await claim(datastore)) == ["a", "b"]

    async def test_an_expired_lease_is_due_after_what_was_due_before_it_ended(self, datastore: DataStore) -> None:
        await add(datastore, due_task("crashed"))
        await claim_only(datastore, "crashed", lease=0)
        await add(datastore, due_task("waiting", run_at=PAST.replace(year=2010)))
        assert ids(await claim(datastore, limit=1, lease=0)) == ["waiting"]

    async def test_one_claim_answers_in_due_order_expired_leases_included(self, datastore: DataStore) -> None:
        await add(datastore, due_task("crashed"))
        await claim_only(datastore, "crashed", lease=0)
        await add(datastore, due_task("waiting", run_at=PAST.replace(year=2010)))
        assert ids(await claim(datastore)) == ["waiting", "crashed"]

    async def test_a_task_that_keeps_crashing_does_not_starve_the_others(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name, run_at=PAST + n * MICROSECOND) for n, name in enumerate("abc")))
        claimed = [(await claim(datastore, limit=1, lease=0))[0].task_id for _ in range(3)]
        assert claimed == ["a", "b", "c"]
