"""`python -m simulation --seed N --trace`, with `tests` in the path: runs seeds, and says what came of them."""

import argparse
import sys
import time
from collections import Counter

from simulation.simulation import simulate
from simulation.verdicts import STRICT


def main() -> int:
    options = _options()
    if options.seed is not None:
        outcome = simulate(options.seed, options.backend, traced=options.trace, strict=options.strict)
        print("\n".join(outcome.trace or []))
        for kind, what in outcome.faults:
            print(f"{kind}: {what}")
        return 1 if outcome.faults else 0
    began = time.perf_counter()
    totals: Counter[str] = Counter()
    failed = 0
    for seed in range(options.start, options.start + options.seeds):
        outcome = simulate(seed, options.backend, strict=options.strict)
        totals += outcome.counts
        totals += Counter({f"injected: {kind}": n for kind, n in outcome.injected.items()})
        totals += Counter({f"excused: {kind}": n for kind, n in outcome.excused.items()})
        totals += Counter({f"FAULT: {kind}": 1 for kind, _ in outcome.faults})
        if outcome.faults:
            failed += 1
            print(seed, outcome.faults[:3], flush=True)
    print(f"{time.perf_counter()-began:.1f} s")
    for key, n in sorted(totals.items()):
        print(key, n)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--backend", choices=("asyncio", "trio"), default="asyncio")
    parser.add_argument("--strict", action="store_true", default=STRICT)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
