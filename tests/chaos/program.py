"""Chaos: workers and schedulers at work while processes, server, network and disk fail.

Usage: python -m chaos.program [--store postgresql|mariadb|valkey|sqlite] [--seconds 25] [--seed 7] [--lease 2]

For each store it starts a server of its own, four workers (on asyncio and trio, event-driven and polling) and a
scheduler, and injects faults by a plan that follows from the seed. When all has healed and has been run, it prints a
table, and exits with 1 if anything was lost, run twice without an excuse, run early, left, or recovered too slowly.
What that means exactly is said in judge.py.
"""

import random
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import anyio
from chaos.report import report
from chaos.running import STORES, Outcome, run
from servers._run import Run


async def main(options: Namespace, folder: Path) -> bool:
    clean = True
    for store in options.store or STORES:
        outcome = await run(store, folder, options.seed, options.seconds, options.lease)
        print(f"\n{report(outcome)}", flush=True)
        if options.keep is not None:
            keep(outcome, folder, options.keep)
        clean = clean and outcome.is_clean
    return clean


def keep(outcome: Outcome, folder: Path, target: Path) -> None:
    """Keep what processes wrote and what they logged."""
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{outcome.store}.journal").write_text("\n".join(outcome.lines))
    shutil.copy(folder / f"{outcome.store}.log", target)


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("--store", action="append", choices=STORES, help="one of them, or several; all without")
    parser.add_argument("--seconds", type=float, default=25.0, help="how long faults are injected, for each store")
    parser.add_argument("--seed", type=int, help="repeats the plan of faults that has it")
    parser.add_argument("--lease", type=float, default=2.0, help="seconds")
    parser.add_argument("--keep", type=Path, help="a folder to keep in what processes wrote and what they logged")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.randrange(1_000_000)
    again = " ".join(f"--store {store}" for store in options.store or ())
    print(f"--seed {options.seed} --seconds {options.seconds} --lease {options.lease} {again}".rstrip(), flush=True)
    servers = Run()
    try:
        clean = anyio.run(main, options, servers.folder)
    finally:
        servers.end()
    print(f"\nseed {options.seed}: {'all is well' if clean else 'something is not well'}", flush=True)
    sys.exit(0 if clean else 1)
