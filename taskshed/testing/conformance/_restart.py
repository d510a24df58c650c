"""Restart: a datastore that was shut down and started again knows what it knew."""

import pytest

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Everything, InGroup, Remove
from taskshed.errors import NotRunningError
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST,
    add,
    add_failed,
    claim,
    claim_only,
    due_task,
    heard,
    ids,
    later_task,
    lease_of,
    listening,
    peek,
    renew,
    settle,
    settlement,
)


async def _restart(datastore: DataStore) -> None:
    await datastore.shutdown()
    await datastore.start()


class RestartConformance:
    async def test_tasks_in_every_state_survive_a_restart(self, datastore: DataStore) -> None:
        await add_failed(datastore, due_task("failed", group_id="g"))
        await add(datastore, due_task("running", kwargs={"empty": [[], {}]}))
        await claim_only(datastore, "running")
        await add(datastore, due_task("due"), later_task("later"), due_task("paused", paused=True, paused_at=PAST))
        names = ById(("failed", "running", "due", "later", "paused"))
        before = await datastore.fetch(names)
        await _restart(datastore)
        assert len(before) == 5
        assert await datastore.fetch(names) == before
        assert ids(await datastore.fetch(InGroup("g"))) == ["failed"]

    async def test_removed_tasks_do_not_come_back(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"), due_task("b"))
        await datastore.ask(Remove(ById(("a",))))
        await _restart(datastore)
        assert ids(await datastore.fetch(Everything())) == ["b"]

    async def test_what_is_due_is_claimed_after_a_restart(self, datastore: DataStore) -> None:
        await add(datastore, later_task("later"), due_task("second", run_at=PAST.replace(year=2010)), due_task("first"))
        await _restart(datastore)
        assert ids(await claim(datastore)) == ["first", "second"]

    async def test_next_due_is_known_after_a_restart(self, datastore: DataStore) -> None:
        await add(datastore, later_task("a"))
        await _restart(datastore)
        assert (await peek(datastore)).next_due == FUTURE_MICROS

    async def test_a_claim_outlives_a_restart(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await _restart(datastore)
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due == claimed.leased_until
        assert await renew(datastore, (lease_of(claimed),), HOUR) == ()
        assert await settle(datastore, settlement(claimed, "done")) == ()

    async def test_a_lease_that_ran_out_before_a_restart_is_claimed_after(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a", lease=0)
        await _restart(datastore)
        second = await claim_only(datastore, "a")
        assert second.token > first.token
        assert await settle(datastore, settlement(first, "done")) == (lease_of(first),)

    async def test_tokens_go_on_after_a_restart(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a")
        await datastore.ask(Remove(ById(("a",))))
        await _restart(datastore)
        await add(datastore, due_task("a"))
        assert (await claim_only(datastore, "a")).token > first.token

    async def test_many_restarts_lose_nothing(self, datastore: DataStore) -> None:
        for number in range(5):
            await add(datastore, later_task(f"{number}"))
            await _restart(datastore)
        assert sorted(ids(await datastore.fetch(Everything()))) == ["0", "1", "2", "3", "4"]

    async def test_a_subscriber_is_told_after_a_restart(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await _restart(datastore)
            await add(datastore, later_task("a"))
            assert await heard(datastore, mailbox) == [FUTURE_MICROS]

    async def test_a_datastore_that_was_shut_down_refuses_calls(self, datastore: DataStore) -> None:
        await datastore.shutdown()
        with pytest.raises(NotRunningError):
            await add(datastore, due_task("a"))
        with pytest.raises(NotRunningError):
            await datastore.fetch(Everything())
        await datastore.start()
        assert await datastore.fetch(Everything()) == []
