"""As many seeds as fit into a minute; `nox -s simulate -- --seeds 10000` runs more."""

import pytest
from simulation.simulation import complaint, simulate

CHUNK = 25


@pytest.mark.parametrize("start", range(0, 20 * CHUNK, CHUNK))
def test_nothing_is_lost_and_nothing_runs_twice_whatever_goes_wrong(start: int) -> None:
    outcomes = [simulate(seed) for seed in range(start, start + CHUNK)]
    assert not "\n".join(filter(None, map(complaint, outcomes)))
    assert sum(outcome.counts["runs"] for outcome in outcomes) > 10 * CHUNK
    assert sum(sum(outcome.injected.values()) for outcome in outcomes) > CHUNK


@pytest.mark.parametrize("start", range(0, 3 * CHUNK, CHUNK))
def test_nothing_is_lost_and_nothing_runs_twice_on_trio_either(start: int) -> None:
    outcomes = [simulate(seed, "trio") for seed in range(start, start + CHUNK)]
    assert not "\n".join(filter(None, map(complaint, outcomes)))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("seed", range(5))
def test_a_seed_that_is_run_again_leaves_the_same_trace(backend: str, seed: int) -> None:
    first, second = (simulate(seed, backend, traced=True) for _ in range(2))
    assert first.trace
    assert first.trace == second.trace
