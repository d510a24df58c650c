"""Fixtures for pytest, found by it wherever TaskShed is installed.

`virtual_clock` works with every plugin that runs coroutines; `taskshed_scheduler` is async, and anyio's plugin runs it
on each of your `anyio_backend`s.
"""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from taskshed.schedulers import AsyncScheduler
    from taskshed.testing import VirtualClock

# ruff: noqa: PLC0415 - whoever does not use the fixtures shall not wait for their imports


@pytest.fixture
def virtual_clock() -> "Iterator[VirtualClock]":
    """The clock of all that the test starts: time passes only when the test turns it."""
    from taskshed.testing._virtual_clock import virtual_clock_of_process

    with virtual_clock_of_process() as clock:
        yield clock


@pytest.fixture
def taskshed_callbacks() -> dict[str, Any]:
    """The callback map of `taskshed_scheduler`: override it, or use `scheduler.add_callback`."""
    return {}


@pytest.fixture
async def taskshed_scheduler(
    virtual_clock: "VirtualClock", taskshed_callbacks: dict[str, Any]
) -> "AsyncIterator[AsyncScheduler]":
    """A running scheduler with a worker, in memory, on the virtual clock."""
    from taskshed import open_scheduler

    async with open_scheduler(callback_map=taskshed_callbacks) as scheduler:
        yield scheduler
