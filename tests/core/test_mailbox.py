"""Mailboxes with a deadline, and the clock that they hold while something is under way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from core.counting import CountingClock

from taskshed._mailbox import Mailbox
from taskshed.errors import NotRunningError

pytestmark = pytest.mark.anyio

SECOND = 1_000_000


@pytest.fixture
async def clock() -> AsyncIterator[CountingClock]:
    with CountingClock().installed() as clock:
        assert isinstance(clock, CountingClock)
        yield clock


def test_offering_fills_a_mailbox_and_no_more() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    assert [mailbox.offer(n) for n in range(4)] == [True, True, False, False]
    assert mailbox.receive_nowait(1) == [0]
    assert [mailbox.offer(n) for n in range(4, 6)] == [True, False]
    assert mailbox.discard() == [1, 4]


@pytest.mark.parametrize("end", [Mailbox[int].close, Mailbox[int].discard], ids=["closed", "discarded"])
@pytest.mark.parametrize("full", [False, True], ids=["with room", "full"])
async def test_a_mailbox_that_has_ended_takes_no_offer(
    clock: CountingClock, end: Callable[[Mailbox[int]], object], full: bool
) -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    if full:
        await mailbox.tell(1)
    end(mailbox)
    held = clock.held
    with pytest.raises(NotRunningError):
        mailbox.offer(2)
    with pytest.raises(NotRunningError):
        await mailbox.tell(2)
    assert clock.held == held
    mailbox.discard()
    assert clock.held == 0


@pytest.mark.parametrize("until", [0, -5], ids=["now", "past"])
async def test_at_its_deadline_who_receives_does_not_wait(clock: CountingClock, until: int) -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    assert await mailbox.receive(until=until) == []
    await mailbox.tell(1)
    await mailbox.tell(2)
    assert await mailbox.receive(limit=1, until=until) == [1]
    assert await mailbox.receive(until=until) == [2]
    mailbox.discard()


async def test_who_receives_waits_until_the_deadline_and_not_less(clock: CountingClock) -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    received: list[list[int]] = []

    async def receive() -> None:
        received.append(await mailbox.receive(until=SECOND))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        clock.advance(timedelta(microseconds=SECOND - 1))
        await wait_all_tasks_blocked()
        assert (received, clock.held) == ([], 0)
        clock.advance(timedelta.resolution)
    assert (received, clock.held) == ([[]], 1)
    mailbox.discard()


@pytest.mark.parametrize("close", [False, True], ids=["told", "closed"])
async def test_what_comes_before_the_deadline_ends_the_waiting(clock: CountingClock, close: bool) -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    received: list[list[int]] = []

    async def receive() -> None:
        received.append(await mailbox.receive(until=SECOND))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        mailbox.close() if close else await mailbox.tell(1)
    assert received == ([[]] if close else [[1]])
    mailbox.discard()
    assert clock.held == 0


async def test_time_that_jumps_to_the_deadline_is_not_waited_for() -> None:
    with CountingClock(jumps=True).installed() as clock:
        assert isinstance(clock, CountingClock)
        mailbox: Mailbox[int] = Mailbox(1)
        assert await mailbox.receive(until=SECOND) == []
        assert (clock.monotonic(), clock.held) == (SECOND, 1)
        assert await mailbox.receive(until=3 * SECOND) == []
        assert (clock.monotonic(), clock.held) == (3 * SECOND, 1)
        mailbox.discard()
        assert clock.held == 0


async def test_each_message_is_held_until_its_actor_waits_again(clock: CountingClock) -> None:
    mailbox: Mailbox[int] = Mailbox(5)
    working, go_on, held = anyio.Event(), anyio.Event(), list[int]()

    async def act() -> None:
        while batch := await mailbox.receive(limit=2):
            held.append(clock.held)
            if 3 in batch:
                working.set()
                await go_on.wait()

    assert clock.held == 1  # the actor has yet to come for the first time
    async with anyio.create_task_group() as tasks:
        for n in range(4):
            await mailbox.tell(n)
        assert clock.held == 5
        tasks.start_soon(act)
        await working.wait()
        await wait_all_tasks_blocked()
        assert clock.held == 5
        go_on.set()
        await wait_all_tasks_blocked()
        assert clock.held == 0
        await mailbox.tell(4)
        assert clock.held == 1
        await wait_all_tasks_blocked()
        assert clock.held == 0
        mailbox.close()
    assert held == [5, 5, 1]
    mailbox.discard()
    assert clock.held == 0


async def test_what_was_waited_to_tell_holds_the_clock_from_when_it_is_taken(clock: CountingClock) -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    async with anyio.create_task_group() as tasks:
        for n in range(5):
            tasks.start_soon(mailbox.tell, n)
        await wait_all_tasks_blocked()
        assert clock.held == 2  # the actor has yet to come, and one message has found room
        received: list[int] = []
        while len(received) < 5:
            received += await mailbox.receive()
        assert clock.held == 6
    mailbox.discard()
    assert (sorted(received), clock.held) == ([0, 1, 2, 3, 4], 0)


async def test_a_discarded_mailbox_holds_nothing(clock: CountingClock) -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    refused = []

    async def tell(n: int) -> None:
        try:
            await mailbox.tell(n)
        except NotRunningError:
            refused.append(n)

    async with anyio.create_task_group() as tasks:
        for n in range(5):
            tasks.start_soon(tell, n)
        await wait_all_tasks_blocked()
        taken = await mailbox.receive(limit=1)
        left = mailbox.discard()
    assert sorted(taken + left + refused) == [0, 1, 2, 3, 4]
    assert mailbox.discard() == []
    assert clock.held == 0


Wait = Callable[[Mailbox[int]], Awaitable[object]]
WAITS: dict[str, Wait] = {
    "receive": lambda mailbox: mailbox.receive(),
    "receive until": lambda mailbox: mailbox.receive(until=SECOND),
    "tell": lambda mailbox: mailbox.tell(5),
}


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("ring", [False, True], ids=["alone", "as what it waits for comes"])
@pytest.mark.parametrize("wait", WAITS)
async def test_who_is_cancelled_leaves_the_count_right(clock: CountingClock, wait: str, ring: bool, turns: int) -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    received: list[int] = []
    if wait == "tell":
        await mailbox.tell(4)

    async def waits(scope: anyio.CancelScope) -> None:
        with scope:
            found = await WAITS[wait](mailbox)
            received.extend(found if isinstance(found, list) else [])

    async with anyio.create_task_group() as tasks:
        scope = anyio.CancelScope()
        tasks.start_soon(waits, scope)
        for _ in range(turns):
            await checkpoint()
        if ring:
            received += mailbox.receive_nowait() if wait == "tell" else []
            assert mailbox.offer(6) or wait == "tell"
        scope.cancel()
    waiting = mailbox.receive_nowait()
    assert len(received + waiting) == len({*received, *waiting})
    assert set(received + waiting) >= ({4} if wait == "tell" else {6} if ring else set())
    mailbox.discard()
    assert clock.held == 0


async def test_a_late_ring_does_not_let_go_of_the_clock_at_the_deadline(clock: CountingClock) -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    held: list[int] = []

    async def receive() -> None:
        assert await mailbox.receive(until=SECOND) == []
        held.append(clock.held)

    async with anyio.create_task_group() as tasks:
        await mailbox.tell(1)
        tasks.start_soon(mailbox.tell, 2)
        await wait_all_tasks_blocked()
        tasks.start_soon(receive)
        assert mailbox.receive_nowait() == [1, 2]  # who tells 2 rings when it comes to it
        clock.advance(timedelta(seconds=1) - timedelta.resolution)
        await checkpoint()
        clock.advance(timedelta.resolution)
    mailbox.discard()
    assert clock.held == 0
    assert min(held) > 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_who_is_cancelled_by_asyncio_as_its_message_is_taken_leaves_the_count_right(clock: CountingClock) -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    await mailbox.tell(1)
    teller = asyncio.create_task(mailbox.tell(2))
    await wait_all_tasks_blocked()
    taken = mailbox.receive_nowait()
    teller.cancel()
    await asyncio.wait([teller])
    mailbox.discard()
    assert (taken, clock.held) == ([1, 2], 0)
