"""A worker process that is asked to end, and one whose runs are cancelled from another process."""

import logging
import signal
import sys

import anyio
import pytest
from processes.crews import Crew, a_crew
from processes.serving import ROOM
from processes.stores import schedule_some, stored
from servers._folder import comes_true

import taskshed

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM"),
    pytest.mark.parametrize("backend", ["asyncio", "trio"]),
]

logger = logging.getLogger(__name__)


def cancelled(crew: Crew) -> list[str]:
    return [run.task_id for run in crew.cancelled]


def test_on_sigterm_what_runs_is_given_back_and_others_have_it_at_once(database: str, backend: str) -> None:
    task_ids = schedule_some(database, ROOM)
    with a_crew() as crew:
        ending = crew.start("serving.py", database, "--backend", backend)
        crew.hear_until(lambda: len(crew.runs) == ROOM)
        staying = crew.start("serving.py", database, "--backend", backend)
        crew.hear_from(2, "ready")
        ending.signal(signal.SIGTERM)
        crew.hear_until(lambda: len(crew.runs) == 2 * ROOM)
        delay = max(run.at for run in crew.runs) - max(run.at for run in crew.cancelled)
        logger.info("given back and begun elsewhere within %.0f ms (500 are meant)", delay / 1000)
        assert delay < 10_000_000  # a third of a lease; the machine may be busy
        assert sorted(cancelled(crew)) == sorted(task_ids)
        assert {run.task_id for run in crew.runs if run.pid == staying.pid} == set(task_ids)
        assert [(task.status, task.attempts) for task in stored(database)] == [("running", 1)] * ROOM
        staying.signal(signal.SIGTERM)
        crew.hear_from(2, "done")
        crew.end()
    assert [(task.status, task.attempts) for task in stored(database)] == [("scheduled", 0)] * ROOM


def test_what_ends_within_the_timeout_is_not_given_back(database: str, backend: str) -> None:
    schedule_some(database, ROOM)
    with a_crew() as crew:
        ending = crew.start("serving.py", database, "--backend", backend, "--shutdown-timeout", 60)
        crew.hear_until(lambda: len(crew.runs) == ROOM)
        ending.signal(signal.SIGTERM)
        anyio.run(cancel, database, [run.task_id for run in crew.runs])  # and so they end
        crew.hear_from(1, "done")
        crew.end()
    assert [task.status for task in stored(database)] == ["failed"] * ROOM


def test_runs_are_cancelled_wherever_they_run(database: str, backend: str) -> None:
    task_ids = schedule_some(database, 2 * ROOM)
    chosen = task_ids[::2]
    with a_crew() as crew:
        workers = [crew.start("serving.py", database, "--backend", backend) for _ in range(2)]
        crew.hear_until(lambda: len(crew.runs) == 2 * ROOM)
        assert {run.pid for run in crew.runs} == {worker.pid for worker in workers}
        anyio.run(cancel, database, chosen)
        crew.hear_until(lambda: len(crew.cancelled) == len(chosen))
        assert sorted(cancelled(crew)) == sorted(chosen)
        assert comes_true(lambda: sum(task.status == "failed" for task in stored(database)) == len(chosen))
        errors = {task.task_id: task.error for task in stored(database) if task.status == "failed"}
        assert errors == dict.fromkeys(chosen, "callback 'note': cancelled")
        for worker in workers:
            worker.signal(signal.SIGTERM)
        crew.hear_from(2, "done")
        crew.end()


async def cancel(database: str, task_ids: list[str]) -> None:
    async with taskshed.open_scheduler(database) as scheduler:
        await scheduler.cancel_tasks(task_ids=task_ids)
