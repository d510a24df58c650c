"""Several workers on one database."""

from collections import Counter

from processes.crews import a_crew
from processes.stores import schedule_some, stored


def test_four_processes_run_5000_due_tasks_once_each(database: str) -> None:
    with a_crew() as crew:
        for backend in ("asyncio", "trio"):
            crew.start("work.py", database, "--backend", backend)
            crew.start("work.py", database, "--backend", backend, "--polling")
        crew.hear_from(4, "ready")
        task_ids = schedule_some(database, 5000)
        crew.hear_until(lambda: len(crew.runs) >= 5000)
        crew.end()
    assert Counter(run.task_id for run in crew.runs) == Counter(task_ids)
    assert stored(database) == []
