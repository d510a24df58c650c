"""Executors that run one job after another."""

from collections.abc import AsyncIterator
from random import Random

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from core.counting import CountingClock

from taskshed.workers._pool import Pool

pytestmark = pytest.mark.anyio


@pytest.fixture
async def clock() -> AsyncIterator[CountingClock]:
    with CountingClock().installed() as clock:
        assert isinstance(clock, CountingClock)
        yield clock


@pytest.mark.parametrize("size", [1, 2, 7, 100])
async def test_jobs_begin_in_the_order_of_their_submission(clock: CountingClock, size: int) -> None:
    random, begun, unfinished, submitted = Random(size), list[int](), set[int](), 0

    async def work(job: int) -> None:
        begun.append(job)
        for _ in range(random.randrange(4)):
            await checkpoint()
        unfinished.remove(job)

    async with anyio.create_task_group() as tasks:
        pool = Pool(tasks, size, work)
        while submitted < 1000:
            for _ in range(random.randint(0, size - len(unfinished))):
                unfinished.add(submitted)
                pool.submit(submitted)
                submitted += 1
            for _ in range(random.choice([0, 1, 1, 5])):
                await checkpoint()
            if random.random() < 0.05:
                await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        pool.close()
    assert begun == list(range(submitted))
    assert clock.held == 0


@pytest.mark.parametrize("size", [1, 3, 10])
async def test_as_many_run_at_once_as_may(size: int) -> None:
    running, most, go_on = set[int](), 0, anyio.Event()

    async def work(job: int) -> None:
        nonlocal most
        running.add(job)
        most = max(most, len(running))
        await go_on.wait()
        running.remove(job)

    async with anyio.create_task_group() as tasks:
        pool = Pool(tasks, size, work)
        for job in range(size):
            pool.submit(job)
        await wait_all_tasks_blocked()
        assert len(running) == size
        go_on.set()
        await wait_all_tasks_blocked()
        for job in range(size):  # by those that are there
            pool.submit(job)
        await wait_all_tasks_blocked()
        pool.close()
    assert (most, running) == (size, set())


async def test_a_run_holds_the_clock_from_its_submission_to_its_end(clock: CountingClock) -> None:
    go_on = anyio.Event()

    async def work(job: str) -> None:
        await go_on.wait()

    async with anyio.create_task_group() as tasks:
        pool = Pool(tasks, 2, work)
        pool.submit("a")
        pool.submit("b")
        assert (clock.held, +clock.runs) == (2, {"a": 1, "b": 1})
        await wait_all_tasks_blocked()
        assert clock.held == 2
        go_on.set()
        await wait_all_tasks_blocked()
        assert (clock.held, +clock.runs) == (0, {})
        pool.close()


@pytest.mark.parametrize("begun", [False, True], ids=["before any began", "while one runs"])
async def test_closed_it_lets_go_of_what_was_not_begun_and_ends_what_runs(clock: CountingClock, begun: bool) -> None:
    ran, go_on = list[str](), anyio.Event()

    async def work(job: str) -> None:
        ran.append(job)
        await go_on.wait()

    with anyio.fail_after(2):
        async with anyio.create_task_group() as tasks:
            pool = Pool(tasks, 3, work)
            if begun:
                pool.submit("a")
                await wait_all_tasks_blocked()
            pool.submit("b")
            pool.submit("c")
            pool.close()
            assert +clock.runs == ({"a": 1} if begun else {})
            go_on.set()
    assert ran == (["a"] if begun else [])
    assert clock.held == 0


@pytest.mark.parametrize("turns", range(4))
async def test_cancelled_it_holds_nothing_once_closed(clock: CountingClock, turns: int) -> None:
    async def work(job: str) -> None:
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        pool = Pool(tasks, 2, work)
        for job in "ab":
            pool.submit(job)
        for _ in range(turns):
            await checkpoint()
        tasks.cancel_scope.cancel()
    pool.close()
    assert clock.held == 0


async def test_a_job_that_breaks_lets_go_of_the_clock(clock: CountingClock) -> None:
    async def work(job: str) -> None:
        raise RuntimeError(job)

    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="broken")):
        async with anyio.create_task_group() as tasks:
            Pool(tasks, 2, work).submit("broken")
    assert clock.held == 0
