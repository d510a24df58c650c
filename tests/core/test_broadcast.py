"""Events: told to who listens, in order, and nobody waits for a listener."""

from datetime import UTC, datetime

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from taskshed._broadcast import Broadcast, Events
from taskshed.events import Event, EventsMissed, SettlementRefused

pytestmark = pytest.mark.anyio

AT = datetime(2030, 1, 1, tzinfo=UTC)


def event(number: int) -> Event:
    return SettlementRefused(at=AT, task_id=str(number))


async def heard(events: Events, count: int) -> list[str]:
    """So many events, in brief."""
    with anyio.fail_after(5):
        return [_brief(await anext(events)) for _ in range(count)]


def _brief(event: Event) -> str:
    match event:
        case SettlementRefused(task_id=task_id):
            return task_id
        case EventsMissed(count=count):
            return f"{count} missed"
        case _:
            raise AssertionError(event)


async def test_each_listener_hears_everything_from_when_it_begins() -> None:
    told = Broadcast()
    with told.listening(9) as first:
        told.tell(event(1))
        with told.listening(9) as second:
            told.tell(event(2))
            assert await heard(first, 2) == ["1", "2"]
            assert await heard(second, 1) == ["2"]
        told.tell(event(3))
        assert await heard(first, 1) == ["3"]
    assert not told.is_heard


async def test_what_does_not_fit_is_missed_and_its_number_told_where_it_would_have_come() -> None:
    told = Broadcast()
    with told.listening(2) as events:
        for number in range(5):
            told.tell(event(number))
        assert await heard(events, 2) == ["0", "1"]
        told.tell(event(5))
        assert await heard(events, 2) == ["3 missed", "5"]


async def test_what_was_missed_last_is_told_although_nothing_more_happens() -> None:
    told = Broadcast()
    with told.listening(1) as events:
        told.tell(event(1))
        told.tell(event(2))
        assert repr(events) == "<Events waiting=1 missed=1>"
        assert await heard(events, 2) == ["1", "1 missed"]


async def test_who_waits_hears_what_comes() -> None:
    told = Broadcast()
    briefs: list[str] = []

    async def listen() -> None:
        with told.listening(1) as events:
            briefs.extend([_brief(each) async for each in events])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await wait_all_tasks_blocked()
        for number in range(3):
            told.tell(event(number))
            await wait_all_tasks_blocked()
        told.end()
    assert briefs == ["0", "1", "2"]


async def test_at_the_end_what_waits_is_still_heard() -> None:
    told = Broadcast()
    with told.listening(9) as events:
        told.tell(event(1))
        told.end()
        told.tell(event(2))
        assert [_brief(each) async for each in events] == ["1"]


async def test_a_listener_that_is_cancelled_loses_nothing() -> None:
    told = Broadcast()
    with told.listening(9) as events:
        for turns in range(5):
            with anyio.move_on_after(0):
                await heard(events, 1)
            told.tell(event(turns))
            assert await heard(events, 1) == [str(turns)]
