"""A worker whose server is away for a while: it survives, settles what it ran, and goes on when the server is back."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from anyio import to_thread
from outage.sites import Site, comes_true

import taskshed
from taskshed.datastores import DataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import Callback, EventDrivenWorker, PollingWorker, Worker

pytestmark = pytest.mark.anyio

MakeWorker = Callable[[dict[str, Callback], DataStore], Worker]
OUTAGE = 1.5  # seconds, in which the pauses between attempts grow to their longest

logger = logging.getLogger(__name__)


def polling(callbacks: dict[str, Callback], datastore: DataStore) -> Worker:
    return PollingWorker(callbacks, datastore, timedelta(milliseconds=200))


class Work:
    """Callbacks that tell when they started."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callback] = {"note": self.note, "hold": self.hold}
        self.starts: dict[str, list[float]] = defaultdict(list)
        self.release = anyio.Event()

    async def note(self) -> None:
        self.starts[taskshed.current_occurrence().task_id].append(time.monotonic())

    async def hold(self) -> None:
        await self.note()
        await self.release.wait()

    async def started(self, task_id: str) -> float:
        """Wait for a task's start; returns when it was."""

        async def has_started() -> bool:
            return bool(self.starts[task_id])

        await comes_true(has_started)
        return self.starts[task_id][0]


class Log:
    """What is said of one outage."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        caplog.clear()

    def count(self, text: str) -> int:
        return sum(text in record.getMessage() for record in self._caplog.records)

    async def is_brief(self) -> None:
        """Wait for the watch to recover: it has warned once at most, so has the worker, and nobody else has."""

        async def watch_works() -> bool:
            return self.count("cannot watch") == self.count("noticed again")

        await comes_true(watch_works)
        warnings = [record.getMessage() for record in self._caplog.records if record.levelno >= logging.WARNING]
        assert self.count("trying again until it works") <= 1, warnings
        assert self.count("cannot watch") <= 1, warnings
        assert self.count("trying again until it works") + self.count("cannot watch") == len(warnings), warnings


async def all_are_settled(scheduler: AsyncScheduler, *task_ids: str) -> None:
    async def is_so() -> bool:
        return await scheduler.fetch_tasks(task_ids=task_ids) == []

    await comes_true(is_so)


@pytest.mark.parametrize(
    ("make_worker", "ends"),
    [(EventDrivenWorker, ("stop", "kill")), (EventDrivenWorker, ("kill", "stop")), (polling, ("kill", "stop"))],
    ids=["event-driven, stop and kill", "event-driven, kill and stop", "polling, kill and stop"],
)
async def test_a_worker_goes_on_soon_after_the_server_is_back(
    site: Site, make_worker: MakeWorker, ends: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    work = Work()
    datastore = site.store()

    async def outage(end: str) -> float:
        await to_thread.run_sync(getattr(site.server, end))
        work.release.set()  # a callback, if one is running, ends while the server is away
        await anyio.sleep(OUTAGE)
        await to_thread.run_sync(site.server.start)
        return time.monotonic()

    async with AsyncScheduler(datastore, make_worker(work.callbacks, datastore)) as scheduler:
        await scheduler.add_task("hold", task_id="held")
        await work.started("held")
        await scheduler.add_task("note", datetime.now(UTC) + timedelta(seconds=1), task_id="due meanwhile")
        log = Log(caplog)
        back = await outage(ends[0])
        delay = await work.started("due meanwhile") - back
        logger.info("A task that was due started %.3f s after the server's return", delay)
        assert delay < 5
        await all_are_settled(scheduler, "held", "due meanwhile")
        await log.is_brief()
        assert log.count("trying again until it works") == 1

        log = Log(caplog)
        back = await outage(ends[1])  # it has nothing to do
        await scheduler.add_task("note", task_id="afterwards")
        delay = await work.started("afterwards") - back
        logger.info("A task that was added started %.3f s after the server's return", delay)
        assert delay < 5
        await all_are_settled(scheduler, "afterwards")
        await log.is_brief()
    assert [len(starts) for starts in work.starts.values()] == [1, 1, 1]
