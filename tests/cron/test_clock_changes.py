"""What becomes of occurrences when clocks are set forward or back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taskshed.schedules import Cron

Case = tuple[str, str, list[str]]  # expression, from when on, the next ones

BERLIN: dict[str, Case] = {
    # forward on 2026-03-29 from 2 to 3, back on 2026-10-25 from 3 to 2
    "a time left out comes after the jump": (
        "30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
    ),
    "several left out are one": (
        "0,15,30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"],
    ),
    "one left out and one at the jump are one": (
        "0 2,3 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"],
    ),
    "left out on a day of its own": (
        "30 2 29 3 *", "2026-01-01T00:00+01:00", ["2026-03-29T03:00+02:00", "2027-03-29T02:30+02:00"],
    ),
    "each quarter passes over the gap": (
        "*/15 * * * *", "2026-03-29T01:30+01:00", ["2026-03-29T01:45+01:00", "2026-03-29T03:00+02:00"],
    ),
    "each hour passes over the gap": (
        "0 * * * *", "2026-03-29T00:00+01:00", ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"],
    ),
    "all in the gap, elapsed time": ("*/30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-30T02:00+02:00"]),
    "a time shown twice comes the first time": (
        "30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
    ),
    "also when begun in between": ("30 2 * * *", "2026-10-25T02:10+01:00", ["2026-10-26T02:30+01:00"]),
    "a range of minutes is a time of day": (
        "0-59/30 2 * * *", "2026-10-24T12:00+02:00",
        ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:00+01:00"],
    ),
    "each half hour of it comes twice": (
        "*/30 2 * * *", "2026-10-24T12:00+02:00",
        ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"],
    ),
    "each quarter goes on": (
        "*/15 * * * *", "2026-10-25T02:30+02:00",
        ["2026-10-25T02:45+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:15+01:00"],
    ),
    "each hour goes on": (
        "0 * * * *", "2026-10-25T01:00+02:00",
        ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"],
    ),
    "a star after the first minute counts as a value": (
        "0,*/30 2 * * *", "2026-10-25T02:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:00+01:00"],
    ),
    "a star after the first hour counts as a value": (
        "0,30 2,* * * *", "2026-10-25T02:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-25T03:00+01:00"],
    ),
}  # fmt: skip

ODD: dict[str, tuple[str, Case]] = {
    "Lord Howe: half an hour forward, 2 to 2:30": ("Australia/Lord_Howe", (
        "15 2 * * *", "2026-10-03T12:00+10:30", ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
    )),
    "Lord Howe: each hour, 2:00 is left out": ("Australia/Lord_Howe", (
        "0 * * * *", "2026-10-04T00:00+10:30", ["2026-10-04T01:00+10:30", "2026-10-04T03:00+11:00"],
    )),
    "Lord Howe: half an hour back, 2 to 1:30": ("Australia/Lord_Howe", (
        "45 1 * * *", "2026-04-04T12:00+11:00", ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"],
    )),
    "Lord Howe: each quarter goes on": ("Australia/Lord_Howe", (
        "*/15 * * * *", "2026-04-05T01:30+11:00",
        ["2026-04-05T01:45+11:00", "2026-04-05T01:30+10:30", "2026-04-05T01:45+10:30", "2026-04-05T02:00+10:30"],
    )),
    "Apia: a day left out": ("Pacific/Apia", (
        "0 12 * * *", "2011-12-28T12:00-10:00",
        ["2011-12-29T12:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T12:00+14:00"],
    )),
    "Apia: only on the day left out": ("Pacific/Apia", (
        "0 0 30 * *", "2011-12-01T00:00-10:00", ["2011-12-31T00:00+14:00", "2012-01-30T00:00+14:00"],
    )),
    "Apia: each hour of the day left out": ("Pacific/Apia", (
        "0 * 30 * *", "2011-12-01T00:00-10:00", ["2012-01-30T00:00+14:00"],
    )),
    "Troll: two hours forward, 1 to 3": ("Antarctica/Troll", (
        "30 1,2 * * *", "2026-03-28T12:00+00:00", ["2026-03-29T03:00+02:00", "2026-03-30T01:30+02:00"],
    )),
    "Troll: two hours back, 3 to 1": ("Antarctica/Troll", (
        "0 1,2 * * *", "2026-10-24T12:00+02:00",
        ["2026-10-25T01:00+02:00", "2026-10-25T02:00+02:00", "2026-10-26T01:00+00:00"],
    )),
    "Troll: each hour goes on": ("Antarctica/Troll", (
        "0 * * * *", "2026-10-25T01:00+02:00",
        ["2026-10-25T02:00+02:00", "2026-10-25T01:00+00:00", "2026-10-25T02:00+00:00", "2026-10-25T03:00+00:00"],
    )),
    "Casablanca: back for Ramadan, 3 to 2": ("Africa/Casablanca", (
        "30 2 * * *", "2026-02-14T12:00+01:00", ["2026-02-15T02:30+01:00", "2026-02-16T02:30+00:00"],
    )),
    "Casablanca: forward after it, 2 to 3": ("Africa/Casablanca", (
        "30 2 * * *", "2026-03-21T12:00+00:00", ["2026-03-22T03:00+01:00", "2026-03-23T02:30+01:00"],
    )),
    "Dublin: forward to standard time, 1 to 2": ("Europe/Dublin", (
        "30 1 * * *", "2026-03-28T12:00+00:00", ["2026-03-29T02:00+01:00", "2026-03-30T01:30+01:00"],
    )),
    "Dublin: back from standard time, 2 to 1": ("Europe/Dublin", (
        "30 1 * * *", "2026-10-24T12:00+01:00", ["2026-10-25T01:30+01:00", "2026-10-26T01:30+00:00"],
    )),
    "Dublin: each half hour goes on": ("Europe/Dublin", (
        "*/30 * * * *", "2026-10-25T01:00+01:00",
        ["2026-10-25T01:30+01:00", "2026-10-25T01:00+00:00", "2026-10-25T01:30+00:00"],
    )),
    "Chatham: forward at 2:45": ("Pacific/Chatham", (
        "0 3 * * *", "2026-09-26T12:00+12:45", ["2026-09-27T03:45+13:45", "2026-09-28T03:00+13:45"],
    )),
    "Santiago: forward at midnight": ("America/Santiago", (
        "@daily", "2026-09-05T12:00-04:00", ["2026-09-06T01:00-03:00", "2026-09-07T00:00-03:00"],
    )),
    "Havana: midnight comes twice": ("America/Havana", (
        "@daily", "2026-10-31T12:00-04:00", ["2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00"],
    )),
}  # fmt: skip


def following(cron: Cron, start: str, number: int) -> list[str]:
    times = []
    at: datetime | None = datetime.fromisoformat(start)
    for _ in range(number):
        assert at is not None
        at = cron.next_after(at)
        times.append("" if at is None else at.astimezone(ZoneInfo(cron.timezone)).isoformat(timespec="minutes"))
    return times


@pytest.mark.parametrize(("expression", "start", "expected"), BERLIN.values(), ids=BERLIN)
def test_in_berlin(expression: str, start: str, expected: list[str]) -> None:
    assert following(Cron(expression, timezone="Europe/Berlin"), start, len(expected)) == expected


@pytest.mark.parametrize(("zone", "case"), ODD.values(), ids=ODD)
def test_where_clocks_are_odd(zone: str, case: Case) -> None:
    expression, start, expected = case
    assert following(Cron(expression, timezone=zone), start, len(expected)) == expected


@pytest.mark.parametrize("expression", ["*/10 * * * *", "0-59/10 * * * *", "0-59/10 0-23 * * *", "30 2 * * *"])
@pytest.mark.parametrize("change", ["2026-03-29T01:00Z", "2026-10-25T01:00Z"], ids=["forward", "back"])
def test_the_next_is_the_same_from_everywhere_before_it(change: str, expression: str) -> None:
    cron = Cron(expression, timezone="Europe/Berlin")
    start, end = (datetime.fromisoformat(change) + hours * timedelta(hours=1) for hours in (-3, 3))
    at, expected = end, cron.next_after(end)
    assert expected is not None
    while at > start:
        at -= timedelta(minutes=1)
        if (found := cron.next_after(at)) != expected:
            assert found == at + timedelta(minutes=1)
            expected = found
        assert found.tzinfo is UTC
