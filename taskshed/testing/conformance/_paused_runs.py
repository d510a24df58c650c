"""Tasks that are paused while they run: the run ends as it would, and no other begins."""

import pytest

from taskshed._planning import Outcome
from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Changed, Pause, Resume
from taskshed.testing.conformance._builders import (
    HOUR,
    PAST_MICROS,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    lease_of,
    peek,
    renew,
    settle,
    settlement,
)

A = ById(("a",))


class PausedRunsConformance:
    async def test_a_task_paused_while_running_can_settle(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Pause(A))
        task = await fetch_only(datastore, "a")
        assert (task.status, task.paused) == ("running", True)
        assert await settle(datastore, settlement(claimed, "done")) == ()
        assert await datastore.fetch(A) == []

    async def test_a_task_paused_while_running_is_not_due_when_its_lease_ends(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        await claim_only(datastore, "a", lease=0)
        await datastore.ask(Pause(A))
        assert await claim(datastore) == ()
        assert (await peek(datastore)).next_due is None

    async def test_a_task_resumed_while_running_is_due_when_its_lease_ends(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a", lease=HOUR)
        await datastore.ask(Pause(A))
        assert await datastore.ask(Resume(A)) == Changed(earliest=claimed.leased_until)
        assert (await peek(datastore)).next_due == claimed.leased_until
        assert await claim(datastore) == ()
        assert await settle(datastore, settlement(claimed, "done")) == ()

    async def test_a_task_whose_lease_ended_while_paused_is_due_once_resumed(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a", lease=0)
        await datastore.ask(Pause(A))
        assert await datastore.ask(Resume(A)) == Changed(earliest=first.leased_until)
        assert (await claim_only(datastore, "a")).attempts == 2

    @pytest.mark.parametrize("outcome", ["next", "released"])
    async def test_a_task_settled_while_paused_stays_paused(self, datastore: DataStore, outcome: Outcome) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Pause(ById(("a",))))
        paused_at = (await fetch_only(datastore, "a")).paused_at
        assert await settle(datastore, settlement(claimed, outcome)) == ()
        task = await fetch_only(datastore, "a")
        assert (task.status, task.paused, task.paused_at) == ("scheduled", True, paused_at)
        assert await claim(datastore) == ()
        assert (await datastore.ask(Resume(ById(("a",))))).earliest == PAST_MICROS
        await claim_only(datastore, "a")

    async def test_a_task_failed_while_paused_stays_failed(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Pause(ById(("a",))))
        await settle(datastore, settlement(claimed, "failed", error="ring failed"))
        task = await fetch_only(datastore, "a")
        assert (task.status, task.paused) == ("failed", True)
        assert (await datastore.ask(Resume(ById(("a",))))).earliest is None
        assert await claim(datastore) == ()

    async def test_renew_of_a_paused_task_keeps_it_not_due(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a")
        await datastore.ask(Pause(ById(("a",))))
        assert await renew(datastore, (lease_of(claimed),), 0) == ()
        assert (await peek(datastore)).next_due is None
        assert await claim(datastore) == ()

    async def test_a_lease_renewed_while_paused_counts_after_resume(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        claimed = await claim_only(datastore, "a", lease=0)
        await datastore.ask(Pause(ById(("a",))))
        before = (await peek(datastore)).now
        await renew(datastore, (lease_of(claimed),), HOUR)
        resumed = await datastore.ask(Resume(ById(("a",))))
        assert resumed.earliest is not None
        assert resumed.earliest >= before + HOUR
        assert await claim(datastore) == ()
        assert await settle(datastore, settlement(claimed, "done")) == ()
