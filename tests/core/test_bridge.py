"""The bridge from trio to asyncio: outcomes cross it whole, and nothing stays behind on the other side."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator

import anyio
import anyio.lowlevel
import pytest
import sniffio
import trio

from taskshed._bridge import Bridge

pytestmark = pytest.mark.anyio

name = contextvars.ContextVar[str]("name")


@pytest.fixture
def anyio_backend() -> str:
    return "trio"


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    bridge = Bridge("taskshed-test")
    yield bridge
    bridge.stop()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("taskshed")] == []


async def others() -> int:
    """How many tasks there are on the asyncio side beside this one."""
    return len(asyncio.all_tasks()) - 1


async def add(one: int, other: int) -> int:
    await asyncio.sleep(0)
    return one + other


async def test_a_call_returns_what_the_other_side_returns(bridge: Bridge) -> None:
    assert await bridge.call(add, 1, 2) == 3


async def test_a_call_raises_what_the_other_side_raises(bridge: Bridge) -> None:
    async def fail() -> None:
        raise LookupError("over there")

    with pytest.raises(LookupError, match="over there"):
        await bridge.call(fail)


async def test_calls_cross_side_by_side(bridge: Bridge) -> None:
    met = asyncio.Barrier(50)
    results: list[int] = []

    async def meet(number: int) -> int:
        await met.wait()
        return number

    async def call(number: int) -> None:
        results.append(await bridge.call(meet, number))

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(call, number)
    assert sorted(results) == list(range(50))


async def test_context_variables_cross_and_the_other_side_knows_that_it_is_asyncio(bridge: Bridge) -> None:
    async def look() -> tuple[str, str]:
        await anyio.lowlevel.checkpoint()
        return name.get(), sniffio.current_async_library()

    name.set("Ada")
    assert await bridge.call(look) == ("Ada", "asyncio")
    assert sniffio.current_async_library() == "trio"


async def test_a_cancelled_call_returns_when_the_other_side_has_unwound(bridge: Bridge) -> None:
    begun, unwound = threading.Event(), False

    async def linger() -> None:
        nonlocal unwound
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            unwound = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bridge.call, linger)
        await anyio.to_thread.run_sync(begun.wait)
        tasks.cancel_scope.cancel()
    assert unwound
    assert await bridge.call(others) == 0


async def test_a_call_in_a_cancelled_scope_never_begins(bridge: Bridge) -> None:
    begun = False

    async def begin() -> None:
        nonlocal begun
        begun = True

    with trio.CancelScope() as scope:
        scope.cancel()
        await bridge.call(begin)
    await bridge.call(others)
    assert not begun


async def test_an_error_while_unwinding_gives_way_to_the_cancellation(bridge: Bridge) -> None:
    begun = threading.Event()

    async def stumble() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            raise LookupError("while unwinding")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bridge.call, stumble)
        await anyio.to_thread.run_sync(begun.wait)
        tasks.cancel_scope.cancel()


async def test_a_storm_of_cancelled_calls_leaves_nothing_behind(bridge: Bridge) -> None:
    async def wait() -> None:
        await asyncio.sleep(3600)

    async with anyio.create_task_group() as tasks:
        for _ in range(1000):
            tasks.start_soon(bridge.call, wait)
        for _ in range(3):
            await bridge.call(others)
        tasks.cancel_scope.cancel()
    assert await bridge.call(others) == 0


async def test_a_call_that_is_under_way_fails_when_the_bridge_is_stopped() -> None:
    bridge, begun = Bridge("taskshed-test"), threading.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(3600)

    async def call() -> None:
        with pytest.raises(RuntimeError, match="the asyncio side ended before this call did"):
            await bridge.call(wait)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await anyio.to_thread.run_sync(begun.wait)
        bridge.stop()


async def test_a_post_crosses_back(bridge: Bridge) -> None:
    arrived = trio.Event()

    async def tell() -> None:
        bridge.post(arrived.set)

    await bridge.call(tell)
    with anyio.fail_after(20):
        await arrived.wait()
