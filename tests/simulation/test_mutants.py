"""That the simulation finds faults is shown by faults that are put in."""

import pytest
from simulation.mutants import MUTANTS, Mutant
from simulation.simulation import simulate

MOST_SEEDS = 100


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_fault_that_is_put_in_is_found(mutant: Mutant) -> None:
    found: set[str] = set()
    with mutant():
        for seed in range(MOST_SEEDS):
            found |= {kind for kind, _ in simulate(seed).faults}
            if found & MUTANTS[mutant]:
                return
    pytest.fail(f"in {MOST_SEEDS} seeds, only {found or 'nothing'} was found")
