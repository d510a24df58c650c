"""A worker that is out of touch with its datastore gives up what it runs before others may take it."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import anyio
import pytest
from manual_clock import ManualClock
from turning import Turn

from taskshed.datastores import DataStore
from taskshed.datastores._memory import MemoryStorage
from taskshed.datastores.commands import Command
from taskshed.errors import DatastoreUnavailableError
from taskshed.events import LeaseLost, SettlementRefused, StoreAvailable, StoreUnavailable
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker, current_occurrence

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)
LEASE = 10 * SECOND
NONE = timedelta(0)  # so that a test that fails does not wait for a clock that nobody turns


class Link:
    """A storage as one process reaches it: the way there can be cut, with or without a word."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self.state = "up"
        self.healed = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        if self.state == "silent":
            await self.healed.wait()
        if self.state == "down":
            raise DatastoreUnavailableError("nobody answers; nothing was changed")
        return await self._storage.execute(commands)


class Work:
    """A callback that goes on until it is released or cancelled."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._start = clock.time
        self.events: list[tuple[str, int, timedelta]] = []
        self.release = anyio.Event()

    async def __call__(self) -> None:
        attempt = current_occurrence().attempt
        self._note("begun", attempt)
        try:
            await self.release.wait()
            self._note("ended", attempt)
        except BaseException:
            self._note("cancelled", attempt)
            raise

    def _note(self, what: str, attempt: int) -> None:
        self.events.append((what, attempt, self._clock.time - self._start))


async def seconds_pass(turn: Turn, number: int) -> None:
    for _ in range(number):
        await turn(SECOND)


@pytest.mark.parametrize("state", ["down", "silent"])
async def test_what_cannot_be_renewed_is_cancelled_a_tenth_before_its_lease_ends_and_runs_elsewhere_then(
    clock: ManualClock, turn: Turn, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    storage = MemoryStorage()
    link = Link(storage)
    near, far = DataStore(storage), DataStore(link)
    here, there = Work(clock), Work(clock)
    cut_off = EventDrivenWorker({"work": there}, far, lease=LEASE, shutdown_timeout=NONE)
    async with AsyncScheduler(near) as scheduler:
        await scheduler.add_task("work", task_id="t")
        with cut_off.events() as told:
            async with cut_off, EventDrivenWorker({"work": here}, near, lease=LEASE, shutdown_timeout=NONE):
                await turn(timedelta(0))
                link.state = state
                await seconds_pass(turn, 8)
                assert there.events == [("begun", 1, timedelta(0))]
                await seconds_pass(turn, 1)
                assert there.events[1:] == [("cancelled", 1, 9 * SECOND)]
                assert here.events == []
                await seconds_pass(turn, 1)
                assert here.events == [("begun", 2, LEASE)]
                link.state = "up"
                link.healed.set()
                await seconds_pass(turn, 20)
                assert len(there.events) == 2
                here.release.set()
                await seconds_pass(turn, 1)
                assert here.events[1:] == [("ended", 2, 30 * SECOND)]
                statistics = cut_off.statistics()
            kinds = [type(event) async for event in told]
        assert (statistics.leases_lost, statistics.settlements_refused) == (1, 1)
        assert await scheduler.fetch_all_tasks() == []
    expected = [LeaseLost, SettlementRefused] if state == "silent" else [StoreUnavailable, LeaseLost]
    assert [kind for kind in kinds if kind in (LeaseLost, SettlementRefused, StoreUnavailable)][:2] == expected
    assert (StoreAvailable in kinds) == (state == "down")
    (line,) = [record for record in caplog.records if "could not be renewed in time" in record.getMessage()]
    assert (line.levelno, line.__dict__["task_id"], line.__dict__["callback"]) == (logging.WARNING, "t", "work")


async def test_what_could_not_be_renewed_but_nobody_else_has_taken_goes_back_and_counts_as_an_attempt(
    clock: ManualClock, turn: Turn
) -> None:
    link = Link(MemoryStorage())
    work = Work(clock)
    async with AsyncScheduler(DataStore(link)) as scheduler:
        await scheduler.add_task("work", task_id="t")
        async with EventDrivenWorker({"work": work}, scheduler.datastore, lease=LEASE, shutdown_timeout=NONE):
            await turn(timedelta(0))
            link.state = "down"
            await seconds_pass(turn, 9)
            assert work.events[1:] == [("cancelled", 1, 9 * SECOND)]
            link.state = "up"
            await seconds_pass(turn, 1)
            assert [event for event in work.events if event[0] == "begun"][1:] == [("begun", 2, 10 * SECOND)]
            work.release.set()


async def test_a_process_that_was_stopped_for_three_leases_changes_nothing(clock: ManualClock, turn: Turn) -> None:
    storage = MemoryStorage()
    stopped, other = DataStore(storage), DataStore(storage)
    here, there = Work(clock), Work(clock)
    worker = EventDrivenWorker({"work": there}, stopped, lease=LEASE, shutdown_timeout=NONE)
    async with AsyncScheduler(other) as scheduler:
        await scheduler.add_task("work", task_id="t")
        async with worker:
            await turn(timedelta(0))
            clock.advance(3 * LEASE)  # nobody gets to do anything meanwhile
            async with EventDrivenWorker({"work": here}, other, lease=LEASE, shutdown_timeout=NONE):
                await turn(timedelta(0))
                assert [what for what, *_ in there.events[:2]] == ["begun", "cancelled"]
                await seconds_pass(turn, 1)
                begun = [event for event in (*here.events, *there.events) if event[0] == "begun" and event[1] == 2]
                assert len(begun) == 1
                here.release.set()
                there.release.set()
                await seconds_pass(turn, 1)
        assert worker.statistics().leases_lost == 1
        assert await scheduler.fetch_all_tasks() == []


async def test_what_was_claimed_but_not_begun_before_the_process_was_stopped_is_not_begun(
    clock: ManualClock, turn: Turn
) -> None:
    class Slow(Link):
        """Takes so long to answer a claim that the lease is over."""

        async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
            answers = await super().execute(commands)
            if self.state == "slow":
                await self.healed.wait()
            return answers

    link = Slow(MemoryStorage())
    work = Work(clock)
    async with AsyncScheduler(DataStore(link)) as scheduler:
        await scheduler.add_task("work", task_id="t")
        link.state = "slow"
        async with EventDrivenWorker({"work": work}, scheduler.datastore, lease=LEASE, shutdown_timeout=NONE):
            await turn(timedelta(0))
            await seconds_pass(turn, 9)
            link.state = "up"
            link.healed.set()
            assert work.events == []
            await turn(timedelta(0))
            assert work.events == [("begun", 1, 9 * SECOND)]
            work.release.set()
