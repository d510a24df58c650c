"""Ctrl-C, in programs of all kinds: they end soon, say nothing strange, and lose no task."""

import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

import taskshed

PROGRAM = Path(__file__).with_name("program.py")
PROGRAMS = [(loop, ending) for loop in ("asyncio", "uvloop", "trio") for ending in ("leaves", "shuts-down")]
PROGRAMS.append(("run_forever", "leaves"))  # it has nowhere to shut down
COMPLAINTS = ["Warning", "never awaited", "was destroyed", "Exception ignored", "InternalError", "Fatal", "died"]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize(("loop", "ending"), PROGRAMS)
@pytest.mark.parametrize("callback", ["idle", "busy"])
def test_an_interrupted_program_ends_cleanly(tmp_path: Path, store: str, loop: str, callback: str, ending: str) -> None:
    database = "memory" if store == "memory" else f"sqlite:///{tmp_path / 'tasks.db'}"
    command = [sys.executable, "-W", "error", str(PROGRAM), database, loop, callback, ending]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT, errors
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert not [complaint for complaint in COMPLAINTS if complaint in errors], errors
    if store == "sqlite":
        tasks = anyio.run(fetch, database, [callback, "tomorrow"])
        assert tasks[-1].task_id == "tomorrow"
        if callback == "busy" and len(tasks) == 2:  # it did not get to its end, so it will run again
            assert tasks[0].status in ("running", "scheduled")


async def fetch(database: str, task_ids: list[str]) -> list[taskshed.Task]:
    async with taskshed.open_scheduler(database) as scheduler:
        return await scheduler.fetch_tasks(task_ids=task_ids)
