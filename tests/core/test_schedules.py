"""The next occurrence on a fixed grid."""

from random import Random

import pytest

from taskshed.schedules import next_on_grid

YEAR_9999 = 253_402_300_799_999_999

TABLE: dict[str, tuple[int, int, int, bool, int]] = {
    # run_at, every, now, coalesce, expected
    "run at its time": (100, 10, 100, True, 110),
    "run a little late": (100, 10, 109, True, 110),
    "ended exactly on the next grid point": (100, 10, 110, True, 120),
    "ended a microsecond before it": (100, 10, 109, True, 110),
    "ended a microsecond after it": (100, 10, 111, True, 120),
    "many missed": (100, 10, 100_005, True, 100_010),
    "many missed, exactly": (100, 10, 100_000, True, 100_010),
    "moved into the future while it ran": (1000, 10, 100, True, 1010),
    "the clock went back": (100, 10, -5000, True, 110),
    "each gets its run": (100, 10, 100_005, False, 110),
    "each gets its run, none missed": (100, 10, 100, False, 110),
    "each gets its run, on a grid point": (100, 10, 110, False, 110),
    "before 1970": (-105, 10, -100, True, -95),
    "across 1970": (-105, 10, 0, True, 5),
    "every microsecond": (0, 1, 5, True, 6),
    "longer than all that is left": (0, YEAR_9999, YEAR_9999, True, 2 * YEAR_9999),
    "exact where floats are not": (YEAR_9999 - 7, 3, YEAR_9999, True, YEAR_9999 + 2),
}


@pytest.mark.parametrize(("run_at", "every", "now", "coalesce", "expected"), TABLE.values(), ids=TABLE)
def test_next_is(run_at: int, every: int, now: int, coalesce: bool, expected: int) -> None:
    assert next_on_grid(run_at, every, now, coalesce=coalesce) == expected


@pytest.mark.parametrize("magnitude", [10, 1000, 10**9, YEAR_9999], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_next_is_the_first_later_point_of_the_grid(seed: int, magnitude: int) -> None:
    random = Random(f"{seed} {magnitude}")
    for _ in range(2000):
        run_at, now = (random.randint(-magnitude, magnitude) for _ in range(2))
        every = random.randint(1, random.choice([1, 5, magnitude]))
        merged = next_on_grid(run_at, every, now, coalesce=True)
        assert (merged - run_at) % every == 0
        assert merged > run_at
        assert merged > now
        assert merged - every <= max(run_at, now)
        assert next_on_grid(run_at, every, now, coalesce=False) == run_at + every


def test_without_coalescing_every_missed_point_is_visited_once() -> None:
    points, at = [], 0
    while at <= 1000:
        points.append(at)
        at = next_on_grid(at, 10, 1000, coalesce=False)
    assert points == list(range(0, 1001, 10))
