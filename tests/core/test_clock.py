"""Instants, durations, and clocks that are not to be trusted."""

import math
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import cast

import anyio
import pytest
from anyio.lowlevel import checkpoint
from manual_clock import ManualClock

from taskshed._clock import (
    ClockOffset,
    SystemClock,
    ambient_clock,
    duration_micros,
    from_micros,
    sleep_until,
    to_micros,
)
from taskshed.models import Task

SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

INSTANTS: dict[str, tuple[datetime, int]] = {
    "the epoch": (EPOCH, 0),
    "a microsecond after": (datetime(1970, 1, 1, 0, 0, 0, 1, UTC), 1),
    "a microsecond before": (datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), -1),
    "the first": (datetime.min.replace(tzinfo=UTC), -62_135_596_800_000_000),
    "the last": (datetime.max.replace(tzinfo=UTC), 253_402_300_799_999_999),
}


@pytest.mark.parametrize(("moment", "instant"), INSTANTS.values(), ids=INSTANTS)
def test_a_datetime_is_a_number_of_microseconds(moment: datetime, instant: int) -> None:
    assert to_micros(moment) == instant
    assert from_micros(instant) == moment
    assert from_micros(instant).tzinfo is UTC


def test_conversions_are_exact() -> None:
    random = Random(1)
    for _ in range(10_000):
        instant = random.randint(-62_135_596_800_000_000, 253_402_300_799_999_999)
        assert to_micros(from_micros(instant)) == instant
        assert duration_micros(timedelta(microseconds=instant)) == instant


def test_an_instant_is_the_same_in_every_zone() -> None:
    assert to_micros(EPOCH.astimezone(timezone(timedelta(hours=5, microseconds=1)))) == 0


@pytest.mark.parametrize(
    "instant",
    [253_402_300_800_000_000, -62_135_596_800_000_001, 10**20, 10**400],
    ids=["year 10000", "year 0", "beyond all days", "beyond floats"],
)
def test_an_instant_that_is_no_datetime_is_an_overflow(instant: int) -> None:
    with pytest.raises(OverflowError):
        from_micros(instant)


OFFSETS: dict[str, tuple[int, list[tuple[int, int, int]], int]] = {
    # lead so far, exchanges (sent, theirs, received), lead afterwards
    "agree": (1000, [(0, 1005, 10)], 1000),
    "agree, and the reply was quick": (1000, [(0, 1005, 2)], 1003),
    "agree at the lower end": (1000, [(0, 1010, 10)], 1000),
    "agree at the upper end": (1000, [(0, 1000, 10)], 1000),
    "the best bound is kept": (990, [(0, 1005, 10), (100, 1105, 105), (200, 1250, 300)], 1000),
    "store ahead": (1000, [(0, 1500, 10)], 1490),
    "store behind": (1000, [(0, 500, 10)], 490),
    "store stepped back": (1000, [(0, 1005, 2), (100, 605, 110)], 495),
    "store stepped forward": (1000, [(0, 1005, 2), (100, 1605, 110)], 1495),
    "ours drifts ahead, a microsecond a request": (1000, [(n * 10, 1000 + n * 9, n * 10) for n in range(50)], 951),
    "theirs drifts ahead, a microsecond a request": (1000, [(n * 10, 1000 + n * 11, n * 10) for n in range(50)], 1049),
}


@pytest.mark.parametrize(("lead", "exchanges", "expected"), OFFSETS.values(), ids=OFFSETS)
def test_the_lead_of_another_clock(lead: int, exchanges: list[tuple[int, int, int]], expected: int) -> None:
    offset = ClockOffset(lead)
    for sent, theirs, received in exchanges:
        offset.observe(sent=sent, theirs=theirs, received=received)
    assert offset.lead == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_lead_is_never_too_great_right_after_an_exchange(seed: int) -> None:
    random, offset, ours, lead = Random(seed), ClockOffset(0), 0, 10**9
    for _ in range(2000):
        lead += random.choice([0, 0, 0, 1, -1, random.randint(-(10**6), 10**6)])
        sent = ours + random.randrange(100)
        read = sent + random.randrange(1000)
        ours = read + random.randrange(1000)
        offset.observe(sent=sent, theirs=read + lead, received=ours)
        assert lead - 2000 <= offset.lead <= lead + (read - sent)


class EarlyClock(SystemClock):
    """A clock whose timers fire when half of the time has passed."""

    def __init__(self) -> None:
        self.instant = 0
        self.fired = 0

    def now(self) -> int:
        return self.instant

    def monotonic(self) -> int:
        return self.instant

    def move_on_at(self, deadline: int | None) -> anyio.CancelScope:
        assert deadline is not None
        self.fired += 1
        self.instant += max(1, (deadline - self.instant) // 2)
        scope = anyio.CancelScope()
        scope.cancel()
        return scope


@pytest.mark.anyio
async def test_sleeping_does_not_end_early_though_the_timer_does() -> None:
    clock = EarlyClock()
    await sleep_until(clock, 1000)
    assert clock.instant == 1000
    assert clock.fired > 5


@pytest.mark.anyio
async def test_sleeping_until_now_or_earlier_needs_no_timer() -> None:
    clock = EarlyClock()
    for deadline in (0, -5):
        await sleep_until(clock, deadline)
    assert clock.fired == 0


@pytest.mark.anyio
async def test_the_system_clock_cancels_at_a_deadline_and_never_without_one() -> None:
    clock = SystemClock()
    assert cast(anyio.CancelScope, clock.move_on_at(None)).deadline == math.inf
    for deadline in (clock.monotonic(), clock.monotonic() - 10**12):
        with cast(anyio.CancelScope, clock.move_on_at(deadline)) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
    far = cast(anyio.CancelScope, clock.move_on_at(clock.monotonic() + 3600 * 10**6))
    assert 3599 < far.deadline - anyio.current_time() < 3601  # in between, uvloop's time stands still


def test_the_system_clock_needs_nobody_to_turn_it() -> None:
    clock = SystemClock()
    clock.hold(3, run="a")
    assert not clock.release(until=clock.monotonic())
    with clock.passing():
        assert not clock.release(7)


def test_the_system_clock_counts_microseconds() -> None:
    clock = SystemClock()
    assert abs(from_micros(clock.now()) - datetime.now(UTC)) < timedelta(minutes=1)
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.anyio
async def test_who_waits_on_a_manual_clock_wakes_when_it_is_turned() -> None:
    clock, awake = ManualClock(), list[int]()

    async def sleeper(deadline: int) -> None:
        await sleep_until(clock, deadline)
        awake.append(deadline)

    async def turn(duration: timedelta) -> list[int]:
        clock.advance(duration)
        for _ in range(10):
            await checkpoint()
        return sorted(awake)

    async with anyio.create_task_group() as tasks:
        for deadline in (0, 1_000_000, 1_000_001):
            tasks.start_soon(sleeper, deadline)
        assert await turn(timedelta(0)) == [0]
        assert await turn(SECOND - timedelta.resolution) == [0]
        clock.step(SECOND)
        assert await turn(timedelta(0)) == [0]
        assert await turn(timedelta.resolution) == [0, 1_000_000]
        assert await turn(SECOND) == [0, 1_000_000, 1_000_001]


@pytest.mark.anyio
async def test_a_manual_clock_tells_both_times() -> None:
    clock = ManualClock(EPOCH)
    clock.advance(3 * SECOND)
    clock.step(-5 * SECOND)
    assert (clock.time, clock.now(), clock.monotonic()) == (EPOCH - 2 * SECOND, -2_000_000, 3_000_000)
    assert clock.move_on_at(3_000_000).cancel_called
    assert not clock.move_on_at(3_000_001).cancel_called
    assert not clock.move_on_at(None).cancel_called


def test_an_installed_clock_is_the_time_of_all_that_is_made_there() -> None:
    before = ambient_clock()
    with ManualClock().installed() as clock:
        assert ambient_clock() is clock
        assert Task(callback="ring").run_at == Task(callback="ring", paused=True).paused_at == clock.time
    assert ambient_clock() is before
