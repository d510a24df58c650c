"""The quickstart, as a newcomer runs it: once, and again later."""

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

import taskshed

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.py"
LINE = re.compile(r"(?P<what>\w+( \w+)?) +(?P<due>\d\d:\d\d:\d\d\.\d{3}) +(?P<lag>\d+\.\d) ms(?P<note>.*)")
AWAY = 12
EVERY = timedelta(seconds=1)


def run_quickstart(folder: Path, backend: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", str(QUICKSTART), "--backend", backend],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # asyncio's debug mode remarks on slow steps, which says something about the machine and nothing about us.
    assert [line for line in done.stderr.splitlines() if not line.startswith("Executing <")] == []
    return done.stdout


def runs_in(output: str) -> list[re.Match[str]]:
    return [match for line in output.splitlines() if (match := LINE.fullmatch(line))]


def due_of(run: re.Match[str]) -> datetime:
    return datetime.strptime(run["due"], "%H:%M:%S.%f")


async def pretend_it_was_long_ago(database: Path) -> None:
    async with taskshed.open_scheduler(f"sqlite:///{database}") as scheduler:
        assert await scheduler.fetch_tasks(group_id="plants") == []
        (tick,) = await scheduler.fetch_tasks(task_ids=["tick"])
        assert tick.interval is not None
        earlier = taskshed.TaskExecutionTime(task_id="tick", run_at=tick.run_at - AWAY * tick.interval)
        await scheduler.update_execution_times(tasks=[earlier])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_second_run_makes_up_for_what_was_missed_once(tmp_path: Path, backend: str) -> None:
    first = run_quickstart(tmp_path, backend)

    assert "tasks kept in quickstart.db" in first
    whats = [run["what"] for run in runs_in(first)]
    assert whats.count("tick") >= 2
    assert [what for what in whats if what != "tick"] == ["greet Ada", "water basil", "water fern", "water cactus"]

    anyio.run(pretend_it_was_long_ago, tmp_path / "quickstart.db")
    second = run_quickstart(tmp_path, backend)

    assert "tasks found in quickstart.db" in second
    caught_up, *others = [run for run in runs_in(second) if run["what"] == "tick"]
    (missed,) = re.findall(r"^ +makes up for (\d+) missed ticks$", caught_up["note"])
    assert int(missed) >= AWAY - 1  # beside the one that runs
    assert len(others) >= 2
    assert [run["note"] for run in others] == [""] * len(others)
    assert all(float(run["lag"]) >= 0 for run in runs_in(second))
    steps = [due_of(later) - due_of(earlier) for earlier, later in pairwise([caught_up, *others])]
    assert [step % EVERY for step in steps] == [timedelta(0)] * len(steps), "the grid was left"
    assert steps[1:] == [EVERY] * len(steps[1:])


def test_database_and_length_of_stay_can_be_chosen(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(QUICKSTART), "--database", "other.db", "--seconds", "0.1"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "other.db").exists()
