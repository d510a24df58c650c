"""TaskShed in four seconds: a one-off, a recurring task and a group, kept in an SQLite file.

Run it twice. The recurring task stays in the file, so the second run first makes up, once, for what was missed.
"""

import argparse
from datetime import datetime, timedelta
from pathlib import Path

import anyio

import taskshed

EVERY = timedelta(seconds=1)


async def greet(name: str) -> None:
    report(f"greet {name}")


async def water(plant: str) -> None:
    report(f"water {plant}")


async def tick() -> None:
    missed = taskshed.current_occurrence().missed
    report("tick", f"   makes up for {missed} missed ticks" if missed else "")


def report(what: str, note: str = "") -> None:
    """Print one line about the run that this is called from."""
    run = taskshed.current_occurrence()
    due = run.run_at.astimezone().time().isoformat("milliseconds")
    print(f"{what:<13} {due:<13} {run.lag / timedelta(milliseconds=1):>9.1f} ms{note}")


async def main(database: Path, seconds: float) -> None:
    print(f"\n{'what':<13} {'due':<13} {'lag':>12}")
    async with taskshed.open_scheduler(
        f"sqlite:///{database}", callback_map={"greet": greet, "water": water, "tick": tick}
    ) as scheduler:
        now = datetime.now()

        # A one-off: runs once, and is gone from the file afterwards.
        await scheduler.add_task("greet", run_at=now + timedelta(seconds=1.25), kwargs={"name": "Ada"})

        # A recurring task. It has a name, so that the next run of this program finds it instead of adding another.
        await scheduler.add_task(
            "tick",
            run_at=now.replace(microsecond=0) + EVERY,
            run_type="recurring",
            interval=EVERY,
            task_id="tick",
            replace_existing=False,
        )

        # A group: added all or none, and paused, resumed or removed by one call.
        await scheduler.add_tasks(
            taskshed.Task(
                callback="water",
                run_at=now + timedelta(seconds=1.5 + 0.5 * place),
                kwargs={"plant": plant},
                group_id="plants",
            )
            for place, plant in enumerate(["basil", "fern", "cactus"])
        )

        await anyio.sleep(seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio", help="trio has to be installed")
    parser.add_argument("--database", metavar="FILE", type=Path, default=Path("quickstart.db"))
    parser.add_argument("--seconds", type=float, default=3.6, help="how long to stay (default: %(default)s)")
    arguments = parser.parse_args()

    again = arguments.database.exists()
    print(f"TaskShed on {arguments.backend}, tasks {'found' if again else 'kept'} in {arguments.database}")
    anyio.run(main, arguments.database, arguments.seconds, backend=arguments.backend)
    print("\n'tick' stays in the file. Wait a few seconds and run this again to see it catch up.")
