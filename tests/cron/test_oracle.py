"""`Cron.next_after` against a look at the clocks at every minute, for random expressions around clock changes."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from cron.expressions import Meaning, draw
from cron.oracle import AROUND, occurrences
from cron.zones import YEARS, ZONES, transitions

from taskshed.schedules import Cron

ALL = 10_000
PER_ZONE = -(-ALL // len(ZONES))
NEAR, FAR = timedelta(minutes=130), AROUND


def cases(zone: str) -> Iterator[tuple[Meaning, datetime, Random]]:
    """Expressions, each with a clock change to try it at; every change gets some."""
    random = Random(zone)
    changes = transitions(zone)
    for n in range(PER_ZONE):
        change = changes[n % len(changes)]
        yield draw(random, near=change.astimezone(ZoneInfo(zone))), change, random


def probes(random: Random, change: datetime, expected: list[datetime]) -> Iterator[datetime]:
    for reach in (NEAR, FAR) * 4:
        halves = int(reach / timedelta(seconds=30))
        yield change + random.randint(-halves, halves - 1) * timedelta(seconds=30)
    for at in random.sample(expected, min(2, len(expected))):
        yield at
        yield max(at - timedelta.resolution, change - AROUND)


@pytest.mark.parametrize("zone", ZONES)
def test_next_after_is_what_the_clocks_show(zone: str) -> None:
    wrong = []
    for meaning, change, random in cases(zone):
        cron = Cron(meaning.text, timezone=zone)
        expected = occurrences(meaning, zone, change)
        for probe in probes(random, change, expected):
            found = cron.next_after(probe.astimezone(random.choice([UTC, ZoneInfo(zone)])))
            place = bisect_right(expected, probe)
            is_right = (
                found == expected[place] if place < len(expected) else found is None or found > change + AROUND
            )  # fmt: skip
            if not is_right:
                wrong.append((meaning.text, f"{probe} -> {found}", expected[place : place + 1]))
    assert wrong == []


def test_every_change_of_every_zone_is_tried_and_ten_thousand_expressions_are() -> None:
    tried = [(zone, meaning.text, change) for zone in ZONES for meaning, change, _ in cases(zone)]
    assert len(tried) >= ALL
    assert len({text for _, text, _ in tried}) >= ALL * 0.9
    assert len(set(ZONES)) >= 40
    for zone in ZONES:
        assert {change for place, _, change in tried if place == zone} == set(transitions(zone)) != set()


def test_the_changes_of_a_zone_are_found() -> None:
    assert len(transitions("Europe/Berlin")) == 2 * (YEARS[1] - YEARS[0] + 1)
    assert datetime(2026, 3, 29, 1, tzinfo=UTC) in transitions("Europe/Berlin")
    assert datetime(2011, 12, 30, 10, tzinfo=UTC) in transitions("Pacific/Apia")
