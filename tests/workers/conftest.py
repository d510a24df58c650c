from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from manual_clock import ManualClock
from turning import Turn


@pytest.fixture
async def clock() -> AsyncIterator[ManualClock]:
    with ManualClock().installed() as clock:
        yield clock


@pytest.fixture
def turn(clock: ManualClock) -> Turn:
    """Lets everybody do what they can do, turns the clock, and lets them again; the memory store needs no more."""

    async def settled() -> None:
        for _ in range(50):  # because the next call, if it has to wait, waits for tenths of a second
            await checkpoint()
        await wait_all_tasks_blocked()

    async def turn(duration: timedelta) -> None:
        await settled()
        clock.advance(duration)
        await settled()

    return turn
