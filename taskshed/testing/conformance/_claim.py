"""Claiming: what is due goes to one claimer, under a token that no one had before."""

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Claim, Pause
from taskshed.testing.conformance._builders import (
    HOUR,
    PAST_MICROS,
    add,
    add_failed,
    claim,
    due_task,
    fetch_only,
    ids,
    later_task,
)


class ClaimConformance:
    async def test_claim_of_an_empty_store_takes_nothing(self, datastore: DataStore) -> None:
        claimed = await datastore.ask(Claim(limit=10, lease=HOUR))
        assert (claimed.records, claimed.next_due) == ((), None)

    async def test_claim_takes_only_what_is_due(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("failed"))
        await add(datastore, later_task("later"), due_task("paused"), due_task("due"))
        await datastore.ask(Pause(ById(("paused",))))
        assert ids(await claim(datastore)) == ["due"]

    async def test_claim_starts_a_run_under_a_lease(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await datastore.ask(Claim(limit=1, lease=HOUR))
        (record,) = claimed.records
        assert record.attempts == 1
        assert record.leased_until == claimed.now + HOUR
        assert record.token > 0
        task = await fetch_only(datastore, "a")
        assert (task.status, task.attempts, task.run_at) == ("running", 1, due_task("a").run_at)

    async def test_claim_takes_at_most_the_limit_and_the_first_due(self, datastore: DataStore) -> None:
        await add(
            datastore,
            *(later_task(str(number), run_at=due_task("x").run_at.replace(year=2010 - number)) for number in range(5)),
        )
        assert ids(await claim(datastore, limit=2)) == ["4", "3"]
        assert ids(await claim(datastore, limit=2)) == ["2", "1"]
        assert ids(await claim(datastore, limit=2)) == ["0"]
        assert await claim(datastore, limit=2) == ()

    async def test_claim_with_a_limit_of_none_takes_nothing(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await datastore.ask(Claim(limit=0, lease=HOUR))
        assert (claimed.records, claimed.next_due) == ((), PAST_MICROS)
        assert (await fetch_only(datastore, "a")).attempts == 0

    async def test_a_leased_task_is_not_claimed_again(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        first = await claim(datastore, limit=1)
        second = await claim(datastore)
        assert sorted(ids(first) + ids(second)) == ["a", "b"]
        assert await claim(datastore) == ()

    async def test_claims_of_one_transaction_do_not_overlap(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(name) for name in "abcde"))
        answers = await datastore.ask_all((Claim(limit=2, lease=HOUR), Claim(limit=2, lease=HOUR), Claim(2, HOUR)))
        assert [len(answer.records) for answer in answers] == [2, 2, 1]
        assert sorted(ids(record for answer in answers for record in answer.records)) == list("abcde")
