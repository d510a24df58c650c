"""The fixtures, as pytest finds them by itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from taskshed import open_scheduler
from taskshed.schedulers import AsyncScheduler
from taskshed.testing import VirtualClock, assert_scheduled

ran: list[datetime] = []


@pytest.fixture
def taskshed_callbacks(virtual_clock: VirtualClock) -> dict[str, Callable[..., Any]]:
    ran.clear()

    async def write() -> None:
        ran.append(virtual_clock.now())

    return {"write": write}


@pytest.mark.anyio
async def test_a_scheduler_on_a_virtual_clock(virtual_clock: VirtualClock, taskshed_scheduler: AsyncScheduler) -> None:
    await taskshed_scheduler.add_task("write", cron="@daily")
    await assert_scheduled(taskshed_scheduler, "write", cron="@daily")
    await virtual_clock.advance(timedelta(days=2))
    assert ran == [datetime(2030, 1, day, tzinfo=UTC) for day in (2, 3)]


def test_the_clock_reaches_a_program_that_runs_its_own_loop(
    virtual_clock: VirtualClock, taskshed_callbacks: dict[str, Any], anyio_backend: tuple[str, dict[str, Any]]
) -> None:
    async def program() -> None:
        async with open_scheduler(callback_map=taskshed_callbacks) as scheduler:
            await scheduler.add_task("write", run_at=virtual_clock.now() + timedelta(hours=1))
            await virtual_clock.advance(timedelta(hours=1))

    anyio.run(program, backend=anyio_backend[0], backend_options=anyio_backend[1])
    assert ran == [datetime(2030, 1, 1, 1, tzinfo=UTC)]


def test_without_the_fixture_the_machines_clock_counts() -> None:
    async def program() -> None:
        async with open_scheduler() as scheduler:
            task = await scheduler.add_task("write")
            assert abs(task.run_at - datetime.now(UTC)) < timedelta(hours=1)

    anyio.run(program)
