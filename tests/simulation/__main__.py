"""Runs seeds, and says what came of them; `tests` has to be in the path.

python -m simulation --seeds 10000            many seeds, and a summary
python -m simulation --seed 17 --trace        one seed again, with all that happened in it
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from simulation.simulation import Outcome, complaint, simulate

_AT_ONCE = 20


def main() -> int:
    """Run what the command line asks for; returns how many seeds failed, or 1."""
    options = _options()
    if options.seed is not None:
        outcome = simulate(options.seed, options.backend, traced=options.trace)
        print("\n".join(outcome.trace or []))
        print(complaint(outcome) or f"seed {options.seed}: nothing was lost, nothing ran twice")
        return 1 if outcome.faults else 0
    began = time.monotonic()
    seeds = range(options.start, options.start + options.seeds)
    failed, totals = 0, Counter[str]()
    with ProcessPoolExecutor(options.jobs) as pool:
        run = partial(simulate, backend=options.backend)
        for outcome in pool.map(run, seeds, chunksize=_AT_ONCE):
            totals.update(_counted(outcome))
            if outcome.faults:
                failed += 1
                print(complaint(outcome), flush=True)
    print(_summary(len(seeds), failed, totals, time.monotonic() - began))
    return 1 if failed else 0


def _counted(outcome: Outcome) -> Counter[str]:
    counted = Counter(outcome.counts)
    counted.update({f"fault: {kind}": number for kind, number in Counter(kind for kind, _ in outcome.faults).items()})
    counted.update({f"injected: {kind}": number for kind, number in outcome.injected.items()})
    counted["virtual seconds"] += round(outcome.seconds)
    return counted


def _summary(seeds: int, failed: int, totals: Counter[str], took: float) -> str:
    def listed(kind: str) -> str:
        found = {name.removeprefix(kind): number for name, number in sorted(totals.items()) if name.startswith(kind)}
        return ", ".join(f"{name} {number}" for name, number in found.items()) or "none"

    lost, twice = totals["fault: lost"], totals["fault: twice"]
    lines = [
        f"{seeds} seeds in {took:.0f} s, {totals['virtual seconds'] / 3600:.1f} virtual hours",
        f"occurrences: {totals['claims']} claimed, {totals['runs']} begun, {listed('runs ')}",
        f"settled: {', '.join(f'{name} {totals[name]}' for name in ('done', 'failed', 'next', 'retry', 'released'))}",
        f"injected: {listed('injected: ')}",
        f"lost {lost}, run twice {twice}; all faults: {listed('fault: ')}; seeds with faults: {failed}",
    ]
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description="Runs simulated worlds by their seeds.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="just this one")
    parser.add_argument("--trace", action="store_true", help="with --seed: print what happens, in virtual time")
    parser.add_argument("--backend", choices=("asyncio", "trio"), default="asyncio")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes to run them in")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
