"""Several processes on one SQLite file."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import anyio

import taskshed

PROGRAM = Path(__file__).with_name("work.py")


class Crew:
    """Worker processes that write to one pipe."""

    def __init__(self) -> None:
        receiver, self._sender = os.pipe()
        self.output: IO[str] = os.fdopen(receiver)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, database: str, backend: str, kind: str, ending: str = "ends") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "error", str(PROGRAM), database, backend, kind, ending]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._sender, stderr=subprocess.PIPE)
        self.processes.append(process)
        return process

    def read(self, count: int) -> list[str]:
        return [self.output.readline().rstrip() for _ in range(count)]

    def end(self) -> list[str]:
        """End all; returns what they wrote meanwhile."""
        for process in self.processes:
            _, complaints = process.communicate(timeout=30)
            assert process.returncode in (0, -signal.SIGKILL), complaints.decode()
            assert complaints == b"", complaints.decode()
        os.close(self._sender)
        return self.output.read().split()

    def kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


@contextmanager
def a_crew() -> Iterator[Crew]:
    crew = Crew()
    try:
        with crew.output:
            yield crew
    finally:
        crew.kill()


async def schedule(database: str, count: int) -> list[str]:
    tasks = [taskshed.Task(callback="note") for _ in range(count)]
    async with taskshed.open_scheduler(database) as scheduler:
        await scheduler.add_tasks(tasks)
    return [task.task_id for task in tasks]


async def left(database: str, task_ids: list[str]) -> list[taskshed.Task]:
    async with taskshed.open_scheduler(database) as scheduler:
        return await scheduler.fetch_tasks(task_ids=task_ids)


def test_four_processes_run_2000_due_tasks_once_each(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'tasks.db'}"
    task_ids = anyio.run(schedule, database, 2000)
    with a_crew() as crew:
        for backend in ("asyncio", "trio"):
            for kind in ("event-driven", "polling"):
                crew.start(database, backend, kind)
        runs = Counter(crew.read(len(task_ids)))
        runs.update(crew.end())
    assert runs == Counter(task_ids)
    assert anyio.run(left, database, task_ids) == []


def test_what_a_killed_process_had_begun_is_run_by_another(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'tasks.db'}"
    task_ids = anyio.run(schedule, database, 200)
    with a_crew() as crew:
        doomed = crew.start(database, "asyncio", "event-driven", "hangs")
        begun = crew.read(20)  # as many as it runs at once
        crew.start(database, "trio", "event-driven")
        doomed.kill()
        runs = Counter(crew.read(len(task_ids)))
        runs.update(crew.end())
    assert len(set(begun)) == 20
    assert runs == Counter(task_ids)
    assert anyio.run(left, database, task_ids) == []


def test_a_task_added_by_one_process_is_noticed_by_the_worker_of_another(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'tasks.db'}"
    with a_crew() as crew:
        crew.start(database, "asyncio", "event-driven")
        for _ in range(3):
            task_ids = anyio.run(schedule, database, 1)
            assert crew.read(1) == task_ids
        assert crew.end() == []
