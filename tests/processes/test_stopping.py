"""A worker that was stopped for longer than its lease comes back too late."""

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from processes.crews import Crew, Member, a_crew
from processes.stores import schedule, schedule_some, stored
from processes.work import ROOM
from servers._folder import comes_true

from taskshed import Task

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")

HOUR = timedelta(hours=1)


def a_stopped_worker(crew: Crew, database: str, backend: str) -> Member:
    """One that holds as many claims as it can, for a lease of a second."""
    victim = crew.start("work.py", database, "--backend", backend, "--lease", 1, "--manner", "stops-itself")
    crew.hear_until(lambda: len(crew.runs) == ROOM)
    assert comes_true(lambda: victim.stopped)
    return victim


def test_what_others_have_settled_meanwhile_is_not_changed_by_it(database: str) -> None:
    # It would move the task by one hour; the thief moves it by three, from one missed occurrence to the next.
    missed = datetime.now(UTC) - 2.5 * HOUR
    recurring = Task(callback="note", run_at=missed, run_type="recurring", interval=HOUR, coalesce=False)
    moved = msgspec.structs.replace(recurring, run_at=missed + 3 * HOUR, runs=3)
    once = [Task(callback="note") for _ in range(ROOM - 1)]
    schedule(database, [*once, recurring])
    with a_crew() as crew:
        victim = a_stopped_worker(crew, database, "asyncio")
        thief = crew.start("work.py", database, "--backend", "trio")
        crew.hear_until(lambda: len(crew.runs) == ROOM + len(once) + 3)
        assert comes_true(lambda: stored(database) == [moved])
        victim.resume()
        victim.end()
        assert stored(database) == [moved]
        crew.end()
    runs = Counter(run.task_id for run in crew.runs if run.pid == thief.pid)
    assert runs == Counter([*(task.task_id for task in once), *[recurring.task_id] * 3])
    assert stored(database) == [moved]


def test_what_others_are_running_meanwhile_stays_theirs(database: str) -> None:
    task_ids = schedule_some(database, ROOM)
    with a_crew() as crew:
        victim = a_stopped_worker(crew, database, "trio")
        thief = crew.start("work.py", database, "--backend", "asyncio", "--manner", "holds")
        crew.hear_until(lambda: len(crew.runs) == 2 * ROOM)
        victim.resume()
        victim.end()
        assert [(task.status, task.attempts) for task in stored(database)] == [("running", 2)] * ROOM
        thief.tell("end what you hold")
        crew.end()
    runs = Counter((run.task_id, run.pid) for run in crew.runs)
    assert runs == Counter((task_id, pid) for task_id in task_ids for pid in (victim.pid, thief.pid))
    assert stored(database) == []
