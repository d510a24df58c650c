"""Notices: who subscribed is told what may have become due earlier, and nothing else."""

from taskshed._mailbox import Mailbox
from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Change, Claim, Move, Pause, Remove, Resume, ScheduleChanged
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST_MICROS,
    add,
    claim_only,
    due_task,
    heard,
    ids,
    later_task,
    lease_of,
    listening,
    renew,
    settle,
    settlement,
)

A = ById(("a",))


class NoticesConformance:
    async def test_add_is_told(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, later_task("a"))
            assert await heard(datastore, mailbox) == [FUTURE_MICROS]

    async def test_of_a_batch_the_earliest_is_told(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, later_task("a"), due_task("b"), due_task("c", paused=True), later_task("d"))
            assert await heard(datastore, mailbox) == [PAST_MICROS]

    async def test_a_paused_add_is_not_told(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, due_task("a", paused=True))
            assert await heard(datastore, mailbox) == []

    async def test_pause_is_not_told_and_resume_is(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, due_task("a"))
            assert await heard(datastore, mailbox) == [PAST_MICROS]
            await datastore.ask(Pause(A))
            assert await heard(datastore, mailbox) == []
            await datastore.ask(Resume(A))
            assert await heard(datastore, mailbox) == [PAST_MICROS]

    async def test_move_is_told(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, due_task("a"), due_task("b"))
            await heard(datastore, mailbox)
            await datastore.ask(Move({"a": FUTURE_MICROS + 1, "b": FUTURE_MICROS, "x": PAST_MICROS}))
            assert await heard(datastore, mailbox) == [FUTURE_MICROS]

    async def test_settlements_that_leave_something_due_are_told(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, due_task("a"))
            await heard(datastore, mailbox)
            await settle(datastore, settlement(await claim_only(datastore, "a"), "released"))
            assert await heard(datastore, mailbox) == [PAST_MICROS]
            await settle(datastore, settlement(await claim_only(datastore, "a"), "next", run_at=FUTURE_MICROS))
            assert await heard(datastore, mailbox) == [FUTURE_MICROS]

    async def test_what_makes_nothing_due_is_not_told(self, datastore: DataStore) -> None:
        with listening(datastore) as mailbox:
            await add(datastore, due_task("a"), due_task("b"), due_task("c"))
            await heard(datastore, mailbox)
            done, failed, removed = (await datastore.ask(Claim(limit=3, lease=HOUR))).records
            await renew(datastore, (lease_of(done),), HOUR)
            await settle(datastore, settlement(done, "done"), settlement(failed, "failed", error="ring failed"))
            await datastore.ask(Remove(ById((removed.task_id,))))
            await datastore.ask(Resume(ById((failed.task_id,))))
            await datastore.ask(Move({"x": PAST_MICROS}))
            assert await heard(datastore, mailbox) == []

    async def test_every_subscriber_is_told(self, datastore: DataStore) -> None:
        with listening(datastore) as one, listening(datastore) as other:
            await add(datastore, due_task("a"))
            assert await heard(datastore, one) == [PAST_MICROS]
            assert ScheduleChanged(PAST_MICROS) in await other.receive()

    async def test_who_unsubscribed_is_told_no_more(self, datastore: DataStore) -> None:
        left = Mailbox[Change](10)
        with listening(datastore) as mailbox:
            with datastore.subscribed(left):
                pass
            await add(datastore, due_task("a"))
            assert await heard(datastore, mailbox) == [PAST_MICROS]
        assert left.discard() == []

    async def test_a_subscriber_that_closed_its_mailbox_disturbs_nobody(self, datastore: DataStore) -> None:
        closed = Mailbox[Change](10)
        closed.discard()
        with datastore.subscribed(closed), listening(datastore) as mailbox:
            await add(datastore, due_task("a"))
            assert await heard(datastore, mailbox) == [PAST_MICROS]
        assert ids(await datastore.fetch(A)) == ["a"]
